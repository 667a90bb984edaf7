//! Signals: the first one ends in good order, the second one at once.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::support::{Clinic, World, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_ends_event_streams() {
    let mut world = World::open().await;
    let clinic = Clinic::open(&world.server, "followed", json!({})).await;
    let inbox =
        clinic.api.request("GET", "/api/v1/messaging/in-app/stream").header("X-Carepost-Recipient", "patient-1");
    let mut streams = Vec::new();
    for request in [clinic.api.request("GET", "/api/v1/messaging/events"), inbox] {
        let mut stream = request.send().await.unwrap().error_for_status().unwrap();
        assert!(stream.chunk().await.unwrap().is_some(), "a sign of life");
        streams.push(stream);
    }
    world.server.signal("TERM");
    for stream in &mut streams {
        // A connection that is cut off would be an error.
        while stream.chunk().await.unwrap().is_some() {}
    }
    assert_eq!(world.server.wait().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_the_program_at_once() {
    let mut world = World::open().await;
    world.server.allow("told twice");
    let clinic = Clinic::open(&world.server, "hurried", json!({})).await;
    // A request whose body never comes: an orderly stop waits for it.
    let key = clinic.key(&["messages:write"]).await;
    let mut stalled = TcpStream::connect(world.server.base.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /api/v1/messaging/messages HTTP/1.1\r\nHost: carepost\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    );
    stalled.write_all(head.as_bytes()).unwrap();
    let mut begun = [0; 12];
    stalled.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100", "it waits for the body");
    world.server.signal("TERM");
    wait_until("it has begun to stop", || async { world.server.log().contains("stopping: ") }).await;
    world.server.signal("TERM");
    // An orderly end would be 0, once the request was given up.
    assert_eq!(world.server.wait().code(), Some(130));
}
