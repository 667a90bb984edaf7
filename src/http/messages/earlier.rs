//! A repetition of a post whose request could not be made a message any more: since the first post its recipient was
//! merged, its template archived, its time has passed. The key still answers for it (DEL-2).

use std::collections::HashMap;

use carepost_actors::{Accepted, EngineError};
use carepost_delivery::prepare::{KeyedBody, claim};
use carepost_delivery::store::{KeyHolder, list_key_holders};
use carepost_delivery::types::IdempotencyClaim;
use jiff::Timestamp;

use super::create::context;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::state::AppState;

/// A request that came to nothing.
pub(super) struct Refused {
    /// Of its key, where it may have come to something before.
    claim: Option<IdempotencyClaim>,
    error: ApiError,
}

impl Refused {
    /// With its key, if it has one.
    pub(super) fn new(error: ApiError, keyed: Option<KeyedBody<'_>>, caller: &Caller, now: Timestamp) -> Self {
        // Where something of ours is away, nobody knows what would have become of it.
        let is_final = !error.is_passing() && error.code() != Code::Internal;
        Self { claim: keyed.filter(|_| is_final).map(|keyed| claim(keyed, context(caller, now))), error }
    }

    fn answer(self, holders: &HashMap<[u8; 16], KeyHolder>) -> Result<Accepted, ApiError> {
        let held = self.claim.and_then(|claim| Some((claim, holders.get(&claim.key_hash)?)));
        match held {
            None => Err(self.error),
            Some((claim, holder)) if holder.fingerprint == claim.fingerprint => {
                Ok(Accepted { message_id: holder.message_id, replayed: true })
            }
            Some(_) => Err(EngineError::KeyReused.into()),
        }
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self { claim: None, error }
    }
}

/// What each of these is answered, in order: the message of its key, or else its own error. Reads only where there is a
/// key, all of them at once.
pub(super) async fn answers(
    refused: Vec<Refused>,
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Vec<Result<Accepted, ApiError>> {
    let hashes: Vec<[u8; 16]> = refused.iter().filter_map(|one| Some(one.claim?.key_hash)).collect();
    let holders = if hashes.is_empty() { Ok(HashMap::new()) } else { holders(&hashes, caller, state, now).await };
    let answer = |one: Refused| match &holders {
        Ok(holders) => one.answer(holders),
        Err(error) if one.claim.is_some() => Err(error.clone()),
        Err(_) => Err(one.error),
    };
    refused.into_iter().map(answer).collect()
}

async fn holders(
    hashes: &[[u8; 16]],
    caller: &Caller,
    state: &AppState,
    now: Timestamp,
) -> Result<HashMap<[u8; 16], KeyHolder>, ApiError> {
    let mut connection = state.connection(&caller.tenant).await?;
    let tx = connection.begin().await?;
    Ok(list_key_holders(&tx, hashes, now).await?)
}
