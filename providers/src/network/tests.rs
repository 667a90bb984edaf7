//! Names and addresses that lead inside; whoever listens there must not even see a connection.

use carepost_kernel::{FailureClass, Reach};
use tokio::net::TcpListener;

use super::*;
use crate::http;

#[test]
fn addresses_inside_are_refused() {
    let check = |text: &str, reach| check_url(&text.parse().unwrap(), reach).is_ok();
    for url in [
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "http://hooks.example.com/",
    ] {
        assert!(!check(url, Reach::Public), "{url}");
        assert!(check(url, Reach::Anywhere), "{url}");
    }
    for url in ["https://hooks.example.com/a", "https://8.8.8.8/", "https://[2606:4700::1111]/"] {
        assert!(check(url, Reach::Public), "{url}");
    }
    assert!(!check("ftp://hooks.example.com/", Reach::Anywhere));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://localhost:{port}/");
    assert!(matches!(resolve("localhost", port, Reach::Public).await, Err(ResolveError::Private)));
    assert!(resolve("localhost", port, Reach::Anywhere).await.is_ok());

    let strict = client(Reach::Public).build().unwrap();
    let error = strict.get(&url).send().await.unwrap_err();
    assert!(is_private(&error));
    // A vendor's call says so as a fault of the account's configuration: it is stopped, not tried again and again.
    let failure = http::call("vendor", strict.get(&url)).await.err().unwrap();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::ConfigFault, "vendor_private_address"));
    tokio::select! {
        biased;
        _ = listener.accept() => panic!("it connected"),
        () = std::future::ready(()) => {}
    }
}
