//! `NotifierActor`: events to tenants' own webhook endpoints, in order, at least once.

use std::sync::Arc;

use actix::{Actor, Context};

use crate::keeper::Guard;

use super::shared::Shared;

pub(crate) struct NotifierActor {
    _shared: Arc<Shared>,
    _http: reqwest::Client,
    _guard: Guard,
}

impl NotifierActor {
    pub(crate) const fn new(shared: Arc<Shared>, http: reqwest::Client, guard: Guard) -> Self {
        Self { _shared: shared, _http: http, _guard: guard }
    }
}

impl Actor for NotifierActor {
    type Context = Context<Self>;
}
