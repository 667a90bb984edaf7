//! Keepers, with real panics and paused time.

use actix::Message;

use super::*;

struct Fragile {
    _guard: Guard,
}

impl Actor for Fragile {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Ask;

#[derive(Message)]
#[rtype(result = "()")]
struct Break;

#[derive(Message)]
#[rtype(result = "()")]
struct Retire;

impl Handler<Ask> for Fragile {
    type Result = u32;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> u32 {
        7
    }
}

impl Handler<Break> for Fragile {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        panic!("broken on purpose");
    }
}

impl Handler<Retire> for Fragile {
    type Result = ();

    fn handle(&mut self, _: Retire, context: &mut Self::Context) {
        use actix::ActorContext as _;
        self._guard.retire();
        context.stop();
    }
}

fn kept(tree: &Tree) -> Handle<Fragile> {
    let spec = Spec { path: "root/fragile".to_owned(), kind: "Fragile", mailbox: 8 };
    keep(&Arbiter::current(), tree, spec, |guard, _| Fragile { _guard: guard })
}

async fn alive(handle: &Handle<Fragile>) -> Addr<Fragile> {
    loop {
        if let Some(addr) = handle.addr() {
            return addr;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn died(handle: &Handle<Fragile>, addr: &Addr<Fragile>) {
    assert!(addr.send(Break).await.is_err(), "a panic closes the mailbox");
    while handle.addr().is_some_and(|current| current == *addr) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[actix::test]
async fn a_panic_ends_one_life_and_the_next_one_answers() {
    tokio::time::pause();
    let tree = Tree::default();
    let handle = kept(&tree);
    for lives in 1..=3 {
        let addr = alive(&handle).await;
        assert_eq!(addr.send(Ask).await, Ok(7));
        died(&handle, &addr).await;
        alive(&handle).await;
        assert_eq!(tree.list()[0].restarts, lives);
    }
    assert_eq!(tree.list()[0].state, "running");
}

#[actix::test]
async fn too_many_deaths_in_a_minute_count_as_failed() {
    tokio::time::pause();
    let tree = Tree::default();
    let handle = kept(&tree);
    for _ in 0..=TOO_MANY {
        let addr = alive(&handle).await;
        died(&handle, &addr).await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((tree.list()[0].state, tree.count()), ("failed", (1, 1)));
    assert_eq!(alive(&handle).await.send(Ask).await, Ok(7), "rebuilt all the same, later");
}

#[actix::test]
async fn who_retires_is_not_rebuilt() {
    tokio::time::pause();
    let tree = Tree::default();
    let handle = kept(&tree);
    alive(&handle).await.send(Retire).await.expect("answered");
    while !handle.is_over() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(matches!(handle.tell(Ask), Err(Undelivered::Away(_))));
    assert_eq!(tree.count(), (0, 0));
}

#[actix::test]
async fn a_full_mailbox_gives_the_message_back() {
    let tree = Tree::default();
    let handle = kept(&tree);
    alive(&handle).await;
    // Nothing is handled before the test yields, so the mailbox fills up.
    let refused = (0..100).filter(|_| matches!(handle.tell(Ask), Err(Undelivered::Full(_)))).count();
    assert!(refused >= 80, "{refused}");
}
