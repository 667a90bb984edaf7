//! A reader of server-sent events.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::PATIENCE;

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Events {
    response: Response,
    text: String,
}

impl Events {
    /// Opens it and waits for the first sign of life.
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let mut events = Self { response, text: String::new() };
        // One that ends at once is found to have ended by whoever reads on.
        while !events.text.contains("\n\n") && events.read().await {}
        events
    }

    /// False where it has ended.
    async fn read(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
        let Ok(Some(chunk)) = chunk.expect("an event or a sign of life comes in time") else { return false };
        self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        true
    }

    /// The next event; comments are passed over.
    pub(crate) async fn next(&mut self) -> Event {
        self.next_or_end().await.expect("the stream stays open")
    }

    /// The next event, or `None` where the stream has ended.
    pub(crate) async fn next_or_end(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The next event that this holds for.
    pub(crate) async fn find(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await;
            if wanted(&event) {
                return event;
            }
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = serde_json::from_str(field("data")?).unwrap();
    Some(Event { id: field("id")?.to_owned(), name: field("event")?.to_owned(), data })
}
