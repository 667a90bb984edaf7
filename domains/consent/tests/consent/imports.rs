//! Lists of people: the good lines stand, the bad ones come back.

use carepost_consent::commands::{BadLine, Imported, Lines, RecipientSearch, import, read_csv, search_recipients};
use carepost_consent::store::list_consent_changes;
use carepost_consent::types::RecipientInput;
use carepost_kernel::Channel;
use jiff::Timestamp;

use crate::support::{World, later, noon, person};

const SAMPLE: &[u8] = include_bytes!("../../../../fixtures/recipients/recipients.csv");

async fn read_in(world: &World, now: Timestamp, lines: Lines) -> Imported {
    let mut connection = world.placement.tenant(world.tenant_id()).await.unwrap();
    import(&mut connection, &world.tenant, (&world.actor, now), lines).await.unwrap()
}

fn faults(bad: &[BadLine]) -> Vec<(usize, Vec<&str>)> {
    bad.iter().map(|bad| (bad.line, bad.faults.iter().map(|fault| fault.pointer.as_str()).collect())).collect()
}

#[tokio::test]
async fn con_5_a_bad_line_in_the_middle_comes_back_with_line_and_reason_and_the_good_ones_stand() {
    let world = World::new().await;
    let first = read_in(&world, noon(), read_csv(SAMPLE).unwrap()).await;
    assert_eq!((first.created, first.updated, first.unchanged), (5, 0, 0));
    let expected = [(5, vec!["/birth_date", "/zone", "/phone", "/email"]), (7, vec![""])];
    assert_eq!(faults(&first.bad), expected);
    assert!(!format!("{:?}", first.bad).contains("Ines"), "DEL-9: no value in a fault");
    assert_eq!(world.count("SELECT count(*) FROM recipients").await, 5);
    assert_eq!(world.count("SELECT count(*) FROM guardians").await, 2);
    let changes = "SELECT count(*) FROM consent_changes";
    let told = world.count(changes).await;
    let again = read_in(&world, later(60), read_csv(SAMPLE).unwrap()).await;
    assert_eq!((again.created, again.updated, again.unchanged), (0, 0, 5));
    assert!(again.keys.is_empty());
    assert_eq!(world.count(changes).await, told, "the same list again changes nothing");
    assert_eq!(world.count("SELECT count(*) FROM recipients WHERE version > 1").await, 0);
    let family = RecipientSearch::Address { channel: Channel::Sms, address: "+12025550140".to_owned() };
    let found = world.at(noon(), async |desk| search_recipients(desk, &family).await).await.unwrap();
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn ten_thousand_lines_are_written_and_a_name_stands_once() {
    let world = World::new().await;
    let input = |number: usize| -> RecipientInput {
        let phone = format!("+1202555{:04}", number % 10_000);
        person(&format!("p-{number}"), &[(Channel::Sms, phone.as_str())])
    };
    let mut good: Vec<(usize, RecipientInput)> = (1..=9_999).map(|number| (number, input(number))).collect();
    good.push((10_000, input(77)));
    let imported = read_in(&world, noon(), Lines { good, bad: Vec::new() }).await;
    assert_eq!((imported.created, faults(&imported.bad)), (9_999, vec![(10_000, vec!["/external_id"])]));
    assert_eq!(world.count("SELECT count(*) FROM contact_points").await, 9_999);
    assert_eq!(imported.keys.len(), 2 * 9_999, "texts and calls");
}

#[tokio::test]
async fn two_lists_at_once_make_nobody_twice() {
    let world = World::new().await;
    let list = || Lines {
        good: (1..=400).map(|number| (number, person(&format!("p-{number}"), &[(Channel::InApp, "x")]))).collect(),
        bad: Vec::new(),
    };
    let (one, other) = tokio::join!(read_in(&world, noon(), list()), read_in(&world, noon(), list()));
    assert_eq!(one.created + other.created, 400);
    assert_eq!(one.unchanged + other.unchanged, 400);
    assert_eq!(world.count("SELECT count(*) FROM recipients").await, 400);
}

#[tokio::test]
async fn con_011_what_a_long_list_changes_is_stamped_when_it_is_written() {
    let world = World::new().await;
    let before: Timestamp = world.owner.query_one("SELECT clock_timestamp()", &[]).await.unwrap().get(0);
    let good = (1..=300).map(|number| {
        let phone = format!("+1202555{number:04}");
        (number, person(&format!("p-{number}"), &[(Channel::Sms, phone.as_str())]))
    });
    // By the time that its last line is written, the instant at which a list was handed in may be minutes old.
    let long_ago = before - jiff::SignedDuration::from_hours(1);
    let lines = Lines { good: good.collect(), bad: Vec::new() };
    assert_eq!(read_in(&world, long_ago, lines).await.created, 300);
    let engine = world.placement.engine().await.unwrap();
    let news = list_consent_changes(&engine, before).await.unwrap();
    assert_eq!(news.len(), 600, "texts and calls of each, by the one clock that all processes share");
}
