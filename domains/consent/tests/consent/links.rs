//! What people do over their links: for themselves, once, and beside each other.

use std::sync::Arc;

use carepost_consent::ConsentError;
use carepost_consent::commands::{
    get_preferences, list_consents, merge, opt_out_key, read_wishes, resume_all, said_on_page, save_wishes, stop_all,
    unsubscribe,
};
use carepost_consent::tokens::Subject;
use carepost_consent::types::{ConsentSource, ConsentState, Preferences, Said, SuppressionReason};
use carepost_kernel::{Channel, RecipientId, Topic};

use crate::support::{World, later, noon};

const PHONE: &str = "+15005550041";
const EMAIL: &str = "ana@example.com";

fn said() -> Said {
    said_on_page("No more, please.", "en", "test-1")
}

fn of(recipient_id: RecipientId) -> Subject {
    Subject { recipient_id: Some(recipient_id), ..Subject::default() }
}

#[tokio::test]
async fn con_003_stopping_is_for_all_who_read_there_and_is_taken_back_whole() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    let ben = world.add("p-2", &[(Channel::Sms, PHONE)]).await;
    let told = world.at(noon(), async |desk| stop_all(desk, &of(ana), &said()).await.unwrap()).await;
    assert_eq!(told.len(), 3, "text messages, calls and email");
    let keys = [Channel::Sms, Channel::Voice].map(|channel| world.key(channel, PHONE));
    for facts in world.facts(later(1), &[keys[0], keys[1], world.key(Channel::Email, EMAIL)]).await {
        assert_eq!(facts.suppressions.iter().map(|one| one.reason).collect::<Vec<_>>(), [SuppressionReason::OptedOut]);
    }
    let family = world.at(later(1), async |desk| read_wishes(desk, &of(ben)).await.unwrap().unwrap()).await;
    assert_eq!(family.stopped, [keys[0]], "decision C58");
    world.at(later(60), async |desk| resume_all(desk, &of(ana), &said()).await.unwrap()).await;
    for facts in world.facts(later(61), &[keys[0], keys[1], world.key(Channel::Email, EMAIL)]).await {
        assert!(facts.suppressions.is_empty());
    }
    let sealed = "SELECT count(*) FROM suppressions WHERE address_sealed IS NOT NULL";
    assert_eq!(world.count(sealed).await, 3, "staff can see which address it was");
}

#[tokio::test]
async fn con_003_a_link_in_an_email_lifts_no_stop_that_was_texted() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    let (phone, email) = (world.key(Channel::Sms, PHONE), world.key(Channel::Email, EMAIL));
    world.at(noon(), async |desk| opt_out_key(desk, phone, &Said::by(ConsentSource::Stop)).await.unwrap()).await;
    let by_email = Subject { address: Some(email), ..of(ana) };
    world.at(later(1), async |desk| stop_all(desk, &by_email, &said()).await.unwrap()).await;
    let reader = world.at(later(2), async |desk| read_wishes(desk, &by_email).await.unwrap().unwrap()).await;
    assert_eq!((reader.stopped.len(), reader.elsewhere), (2, vec![phone]));
    world.at(later(60), async |desk| resume_all(desk, &by_email, &said()).await.unwrap()).await;
    let counts: Vec<usize> =
        world.facts(later(61), &[phone, email]).await.iter().map(|facts| facts.suppressions.len()).collect();
    assert_eq!(counts, [1, 0], "decision C58: START takes a texted STOP back");
    // Whoever holds the link that was sent to the phone reads there.
    let by_text = Subject { address: Some(phone), ..of(ana) };
    world.at(later(90), async |desk| resume_all(desk, &by_text, &said()).await.unwrap()).await;
    assert!(world.facts(later(91), &[phone]).await[0].suppressions.is_empty());
}

#[tokio::test]
async fn con_003_wishes_that_rest_on_an_old_version_undo_nothing() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Email, EMAIL)]).await;
    let seen = world.at(noon(), async |desk| read_wishes(desk, &of(ana)).await.unwrap().unwrap()).await;
    let marketing = Subject { topic: Some(Topic::Marketing), ..of(ana) };
    world.at(later(1), async |desk| unsubscribe(desk, &marketing, &said()).await.unwrap()).await;
    let old = (seen.preferences, seen.version);
    let saved = world.at(later(2), async |desk| save_wishes(desk, ana, old.clone(), "en", &said()).await).await;
    assert!(matches!(saved, Err(ConsentError::Conflict { .. })), "{saved:?}");
    let now = world.at(later(3), async |desk| get_preferences(desk, ana).await.unwrap()).await;
    assert!(now.version == 1 && now.preferences.off[&Topic::Marketing].contains(&Channel::Email));
    let consents = world.at(later(4), async |desk| list_consents(desk, ana, None, 10).await.unwrap()).await;
    assert!(consents.events.items.iter().all(|event| event.evidence.state == ConsentState::Revoked));
    // On sight of what holds, the same choice is the reader's own.
    let fresh = (Preferences::default(), now.version);
    world.at(later(60), async |desk| save_wishes(desk, ana, fresh.clone(), "en", &said()).await.unwrap()).await;
    let after = world.at(later(61), async |desk| get_preferences(desk, ana).await.unwrap()).await;
    assert_eq!((after.version, after.preferences), (2, Preferences::default()));
}

#[tokio::test]
async fn con_008_an_address_of_nobody_opts_out_by_its_hash_alone() {
    let world = World::new().await;
    let key = world.key(Channel::Email, "stranger@example.com");
    let subject = Subject { address: Some(key), topic: Some(Topic::Marketing), ..Subject::default() };
    for second in 0..2 {
        world.at(later(second), async |desk| unsubscribe(desk, &subject, &said()).await.unwrap()).await;
    }
    assert_eq!(world.facts(later(3), &[key]).await[0].suppressions.len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM consent_events").await, 1, "written down once");
    let resumed = world.at(later(60), async |desk| resume_all(desk, &subject, &said()).await.unwrap()).await;
    assert_eq!(resumed, [key]);
    assert!(world.facts(later(61), &[key]).await[0].suppressions.is_empty());
    let nobody = Subject { recipient_id: Some(RecipientId::new(noon())), ..Subject::default() };
    assert!(world.at(noon(), async |desk| read_wishes(desk, &nobody).await.unwrap()).await.is_none());
}

#[tokio::test]
async fn con_017_a_link_of_a_merged_record_speaks_for_the_one_that_stays() {
    let world = World::new().await;
    let ana = world.add("p-1", &[(Channel::Email, EMAIL)]).await;
    let twin = world.add("p-9", &[(Channel::Sms, PHONE)]).await;
    world.at(later(1), async |desk| merge(desk, twin, ana).await.unwrap()).await;
    let reader = world.at(later(2), async |desk| read_wishes(desk, &of(twin)).await.unwrap().unwrap()).await;
    let survivor = reader.recipient_id.unwrap();
    assert!(survivor == ana || survivor == twin);
    assert_eq!(reader.points.len(), 2, "with the addresses of both");
    let subject = Subject { topic: Some(Topic::Surveys), ..of(twin) };
    world.at(later(3), async |desk| unsubscribe(desk, &subject, &said()).await.unwrap()).await;
    let wishes = world.at(later(4), async |desk| get_preferences(desk, survivor).await.unwrap()).await;
    assert!(wishes.preferences.off[&Topic::Surveys].contains(&Channel::Email));
}

#[tokio::test]
async fn con_003_deeds_of_a_family_at_once_all_come_through() {
    let world = Arc::new(World::new().await);
    let ana = world.add("p-1", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    let ben = world.add("p-2", &[(Channel::Sms, PHONE), (Channel::Email, EMAIL)]).await;
    let mut deeds = tokio::task::JoinSet::new();
    for i in 0..24 {
        let (world, who) = (Arc::clone(&world), if i % 2 == 0 { ana } else { ben });
        deeds.spawn(async move {
            let mut wishes = Preferences::default();
            wishes.off.entry(Topic::Marketing).or_default().insert(Channel::Sms);
            let language = if i % 3 == 0 { "es" } else { "en" };
            let marketing = Subject { topic: Some(Topic::Marketing), ..of(who) };
            world
                .at(later(i), async |desk| match i % 4 {
                    0 => {
                        let seen = get_preferences(desk, who).await?.version;
                        match save_wishes(desk, who, (wishes, seen), language, &said()).await {
                            // Somebody else was quicker: nothing is written, and the page is shown anew.
                            Err(ConsentError::Conflict { .. }) => Ok(Vec::new()),
                            saved => saved,
                        }
                    }
                    1 => stop_all(desk, &of(who), &said()).await,
                    2 => unsubscribe(desk, &marketing, &said()).await,
                    _ => resume_all(desk, &of(who), &said()).await,
                })
                .await
        });
    }
    let mut count = 0;
    while let Some(done) = deeds.join_next().await {
        done.unwrap().unwrap();
        count += 1;
    }
    assert_eq!(count, 24, "none had to wait for another in a circle");
    // Present consent is still what the evidence says.
    let consents = world.at(later(60), async |desk| list_consents(desk, ana, None, 500).await.unwrap()).await;
    assert!(!consents.states.is_empty() && !consents.events.items.is_empty());
}
