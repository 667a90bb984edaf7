//! What people wish, with its history, and terms.

use carepost_consent::commands::{Terms, accept_terms, get_preferences, list_preference_history, put_preferences};
use carepost_consent::store::list_terms;
use carepost_consent::types::{ConsentSource, Preferences, QuietHours};
use carepost_kernel::{Channel, ErrorKind, Phi, RecipientId, Topic};
use jiff::civil::time;

use crate::support::{World, later, noon};

fn off(channel: Channel) -> Preferences {
    Preferences { off: Topic::ALL.map(|topic| (topic, [channel].into())).into(), ..Preferences::default() }
}

#[tokio::test]
async fn con_002_wishes_are_written_read_and_kept_with_who_when_and_how() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, "+15005550040"), (Channel::Email, "ana@example.com")]).await;
    let fresh = world.at(noon(), async |desk| get_preferences(desk, ana).await).await.unwrap();
    assert_eq!((fresh.version, fresh.preferences), (0, Preferences::default()));
    let put = async |now, wishes, expected| {
        world.at(now, async |desk| put_preferences(desk, ana, wishes, ConsentSource::Portal, expected).await).await
    };
    let (first, keys) = put(noon(), off(Channel::Sms), None).await.unwrap();
    assert_eq!((first.version, keys.len()), (1, 3));
    let (same, keys) = put(later(1), off(Channel::Sms), None).await.unwrap();
    assert_eq!((same.version, keys.len()), (1, 0), "the same again is no change");
    assert_eq!(put(later(2), off(Channel::Email), Some(7)).await.unwrap_err().kind(), ErrorKind::Conflict);
    put(later(3), off(Channel::Email), Some(1)).await.unwrap();
    let history = world.at(noon(), async |desk| list_preference_history(desk, ana).await).await.unwrap();
    let told: Vec<_> = history.iter().map(|one| (one.version, one.source, one.at, one.preferences.clone())).collect();
    let portal = ConsentSource::Portal;
    assert_eq!(told, [(2, portal, later(3), off(Channel::Email)), (1, portal, noon(), off(Channel::Sms))]);
    let facts = world.facts(noon(), &[world.key(Channel::Email, "ana@example.com")]).await;
    assert!(facts[0].people[0].preferences == off(Channel::Email), "con_001: the gate sees it");
}

#[tokio::test]
async fn wishes_that_mean_nothing_are_refused() {
    let world = World::new().await;
    let ana = world.add("p-1", &[]).await;
    let put = async |id: RecipientId, wishes| {
        let put = async |desk: &carepost_consent::Desk<'_, '_>| {
            put_preferences(desk, id, wishes, ConsentSource::Staff, None).await
        };
        world.at(noon(), put).await.unwrap_err().kind()
    };
    let quiet = Some(QuietHours { from: time(22, 0, 0, 0), until: time(22, 0, 0, 0) });
    assert_eq!(put(ana, Preferences { quiet, ..Preferences::default() }).await, ErrorKind::Invalid);
    assert_eq!(put(ana, Preferences { most_per_week: Some(0), ..Preferences::default() }).await, ErrorKind::Invalid);
    assert_eq!(put(RecipientId::new(noon()), Preferences::default()).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn con_010_terms_are_accepted_once_with_their_words() {
    let world = World::new().await;
    let ana = world.add("p-1", &[]).await;
    let terms = Terms {
        terms_version: "2026-01".to_owned(),
        wording: Some(Phi::from("You may write to us.")),
        language: Some("en".to_owned()),
        source: ConsentSource::Portal,
    };
    let accept = async |now| world.at(now, async |desk| accept_terms(desk, ana, &terms).await).await.unwrap();
    assert_eq!((accept(noon()).await, accept(later(9)).await), (true, false));
    let listed = world.at(noon(), async |desk| list_terms(desk.tx, ana).await).await.unwrap();
    assert_eq!((listed.len(), listed[0].accepted_at, listed[0].terms_version.as_str()), (1, noon(), "2026-01"));
}
