//! A page of rows: made messages, and the gate asked about each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use carepost_campaigns::CampaignError;
use carepost_campaigns::rules::compose::{Composed, Composer};
use carepost_campaigns::rules::judge::{self, Circumstances};
use carepost_campaigns::store;
use carepost_campaigns::types::{FedRow, RowOutcome, RowState, Said};
use carepost_consent::commands::{Desk as PeopleDesk, list_people};
use carepost_consent::policy::Practice;
use carepost_consent::store::{MOST_ADDRESSES, list_first_channels};
use carepost_consent::types::{Actor, AddressKey, ContactFacts, Recipient};
use carepost_delivery::gate::Rulebook;
use carepost_kernel::{Channel, RecipientId};
use carepost_tenancy::types::TenantStatus;

use crate::delivery::shared::unavailable;

use super::work::{Desk, Next, WorkError};

/// Rows of one page of a count.
const PAGE: i64 = 512;
/// Rows that are made messages before others on the thread have their turn.
const AT_A_TIME: usize = 8;
/// What was paused by hand, or has no account, is looked at again after this time.
const RECHECK: SignedDuration = SignedDuration::from_secs(30);

/// A row after the gate was asked, or what became of one that is no message.
pub(super) enum Judged {
    /// What the gate says of it.
    Message(Box<Composed>, Said),
    /// It is none.
    None(RowOutcome),
}

/// Counts the next page of a send: nothing leaves.
pub(super) async fn count(desk: &Desk<'_>) -> Result<Next, WorkError> {
    let now = desk.shared.now();
    let rulebook = policy(desk).await?;
    let rows = {
        let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
        let tx = connection.begin().await?;
        let from = (desk.send.bulk_send_id, desk.send.counted_to);
        store::list_uncounted_rows(&tx, desk.tenant, from, PAGE).await?
    };
    let is_over = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
    let counted_to = rows.last().map_or(desk.send.counted_to, |row| row.row_no);
    let judged = judge_page(desk, rows, &rulebook, now).await?;
    let outcomes: Vec<RowOutcome> = judged.into_iter().map(counted).collect();
    let version = version_of(&rulebook);
    let is_ours = desk
        .write(async |tx| {
            let from = [RowState::Waiting, RowState::Failed];
            store::record_rows(tx, desk.named(), &outcomes, &from).await?;
            store::note_count(tx, desk.named(), (counted_to, is_over), version, now).await
        })
        .await?;
    Ok(if is_ours { Next::Now } else { Next::Over })
}

/// A counted row stays where it is, whatever the gate says; one that is no message has failed for now.
fn counted(judged: Judged) -> RowOutcome {
    match judged {
        Judged::Message(composed, said) => judge::counted(composed.row_no, said),
        Judged::None(outcome) if outcome.state == RowState::Refused => {
            RowOutcome { state: RowState::Waiting, ..outcome }
        }
        Judged::None(outcome) => outcome,
    }
}

/// When something that was paused by hand is looked at again.
pub(super) fn recheck(now: Timestamp) -> Timestamp {
    now.saturating_add(RECHECK).unwrap_or(now)
}

pub(super) fn version_of(rulebook: &Rulebook) -> i32 {
    i32::try_from(rulebook.version()).unwrap_or(i32::MAX)
}

/// The tenant's policy, from memory where the gate knows it.
pub(super) async fn policy(desk: &Desk<'_>) -> Result<Arc<Rulebook>, WorkError> {
    loop {
        if let Some(known) = desk.live.book.policy() {
            return Ok(known);
        }
        let edition = desk.live.book.begin();
        let session = desk.live.writers.journal.connect().await?;
        let read = session.load_policy(desk.live.tenant_id, desk.shared.now()).await?;
        // Where it has changed meanwhile, it is read again.
        desk.live.book.learn_policy(edition, read);
    }
}

/// Makes rows messages, and asks the gate about each, as of one instant.
pub(super) async fn judge_page(
    desk: &Desk<'_>,
    rows: Vec<FedRow>,
    rulebook: &Rulebook,
    now: Timestamp,
) -> Result<Vec<Judged>, WorkError> {
    let People { people, preferred } = people_of(desk, &rows, now).await?;
    let practice = practice_of(desk, rulebook);
    let composer = Composer {
        send: desk.send,
        content: &desk.content.words,
        is_plan_open: desk.content.is_plan_open,
        policy: rulebook.policy(),
        practice: &practice,
        public_url: &desk.content.public_url,
        tenant: desk.tenant,
        now,
    };
    let mut composed = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(AT_A_TIME) {
        for row in chunk {
            let person = row.recipient_id.and_then(|recipient_id| people.get(&recipient_id));
            let preferred = person.and_then(|person| preferred.get(&person.recipient_id)).copied();
            composed.push(composer.compose(row, person, preferred));
        }
        tokio::task::yield_now().await;
    }
    let keys = composed.iter().flatten().flat_map(Composed::keys).collect();
    let facts = facts_of(desk, keys, now).await?;
    let settings = &desk.tenant.tenant.settings;
    let circumstances = Circumstances {
        now,
        rulebook,
        tenant: desk.tenant,
        public_url: &desk.content.public_url,
        is_paused: desk.tenant.tenant.status != TenantStatus::Active,
        paused_channels: &settings.paused_channels,
        with_sender: &senders(desk).await?,
        recheck: recheck(now),
        facts: &facts,
    };
    let mut judged = Vec::with_capacity(composed.len());
    for one in composed {
        judged.push(match one {
            Err(outcome) => Judged::None(*outcome),
            Ok(message) => match judge::judge(&message, &circumstances) {
                Ok(said) => Judged::Message(Box::new(message), said),
                Err(outcome) => Judged::None(*outcome),
            },
        });
        if judged.len() % AT_A_TIME == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(judged)
}

/// Who is spoken to.
#[derive(Default)]
struct People {
    /// By the ids that the rows name.
    people: BTreeMap<RecipientId, Recipient>,
    /// The channels that they want to be tried first, by the ids of the records that stand for them.
    preferred: BTreeMap<RecipientId, Channel>,
}

async fn people_of(desk: &Desk<'_>, rows: &[FedRow], now: Timestamp) -> Result<People, WorkError> {
    let ids: Vec<RecipientId> = rows.iter().filter_map(|row| row.recipient_id).collect();
    if ids.is_empty() {
        return Ok(People::default());
    }
    let mut connection = desk.placement.tenant(desk.live.tenant_id).await?;
    let tx = connection.begin().await?;
    let actor = Actor::system();
    let reading = PeopleDesk { tx: &tx, tenant: desk.tenant, actor: &actor, now };
    let people = list_people(&reading, &ids).await.map_err(CampaignError::from)?;
    let preferred = if desk.content.is_plan_open {
        let standing: Vec<RecipientId> = people.values().map(|person| person.recipient_id).collect();
        list_first_channels(&tx, &standing).await.map_err(CampaignError::from)?
    } else {
        BTreeMap::new()
    };
    Ok(People { people, preferred })
}

/// The practice as its policy has it; without a name there, the tenant's own.
fn practice_of(desk: &Desk<'_>, rulebook: &Rulebook) -> Practice {
    let mut practice = rulebook.policy().source().practice.clone();
    if practice.name.is_empty() {
        practice.name.clone_from(&desk.tenant.tenant.display_name);
    }
    practice
}

/// What the gate has to know, and in memory for when the messages leave.
async fn facts_of(
    desk: &Desk<'_>,
    keys: BTreeSet<AddressKey>,
    now: Timestamp,
) -> Result<HashMap<AddressKey, ContactFacts>, WorkError> {
    let keys: Vec<AddressKey> = keys.into_iter().collect();
    let mut found = HashMap::with_capacity(keys.len());
    for page in keys.chunks(MOST_ADDRESSES) {
        let session = desk.live.writers.journal.connect().await?;
        let read = session.load_facts(desk.live.tenant_id, page, now).await;
        let read = read.map_err(CampaignError::from)?;
        found.extend(read.into_iter().map(|facts| (facts.key, facts)));
    }
    Ok(found)
}

async fn senders(desk: &Desk<'_>) -> Result<BTreeSet<Channel>, WorkError> {
    let mut with_sender = BTreeSet::new();
    for channel in &desk.send.channels {
        let accounts = desk.shared.directory.accounts(desk.live.tenant_id, *channel).await;
        if !accounts.map_err(|error| unavailable(&error))?.is_empty() {
            with_sender.insert(*channel);
        }
    }
    Ok(with_sender)
}
