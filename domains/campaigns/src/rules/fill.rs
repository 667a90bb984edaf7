//! A template, filled for one recipient: what every template may name, and one text for each channel of the plan.

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use carepost_consent::policy::Practice;
use carepost_consent::tokens::{self, LinkUse, Subject};
use carepost_consent::types::{AddressKey, Recipient as Person};
use carepost_delivery::prepare::{self, EnqueueRequest};
use carepost_delivery::types::Recipient;
use carepost_kernel::{Channel, Content, Topic};
use carepost_templates::error::RenderError;
use carepost_templates::rules::{CompiledTemplate, RenderInput, Values};
use carepost_templates::types::Language;
use carepost_tenancy::TenantHandle;

/// Who speaks, and where links lead.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// The practice.
    pub practice: &'a Practice,
    /// Our address as recipients see it.
    pub public_url: &'a Url,
    /// The tenant: its key seals what links say.
    pub tenant: &'a TenantHandle,
    /// The present instant.
    pub now: Timestamp,
}

/// Why a template could not be filled. Names variables, never values.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// The template has no text for any channel of the plan.
    #[error("no_variant: the template has none for a channel that the recipient is reached on")]
    NoVariant,
    /// A link could not be made.
    #[error("link: it could not be sealed")]
    Link,
    /// A variable is missing or of another kind.
    #[error("{}", super::compose::why(.0))]
    Render(RenderError),
}

impl Speaker<'_> {
    /// Fills the template for each channel of the plan that it has a variant for; channels without one leave the plan.
    ///
    /// # Errors
    /// See [`FillError`].
    pub fn fill(
        &self,
        request: &mut EnqueueRequest,
        template: &CompiledTemplate,
        language: Language,
        variables: &Map<String, Value>,
        person: Option<&Person>,
    ) -> Result<(), FillError> {
        let zone = self.practice.zone_of_texts(person.and_then(|person| person.zone.as_deref()));
        let offered: Vec<Channel> = template.channels().collect();
        request.channels.retain(|channel| offered.contains(channel));
        if request.channels.is_empty() {
            return Err(FillError::NoVariant);
        }
        for channel in request.channels.clone() {
            let to = (&request.to, request.about.topic);
            let values = self.complete(Values::from(variables.clone()), to, person, channel)?;
            let input = RenderInput { channel, language, zone, values: &values };
            match template.render(&input).map_err(FillError::Render)?.content {
                Content::Sms(sms) => request.sms = Some(sms),
                Content::Email(email) => request.email = Some(email),
                Content::InApp(in_app) => request.in_app = Some(in_app),
            }
        }
        Ok(())
    }

    /// The caller's own values, and behind them what every template may name. Addresses and topic are those that the links
    /// speak for.
    ///
    /// # Errors
    /// Where a link cannot be made.
    pub fn complete(
        &self,
        mut values: Values,
        (to, topic): (&Recipient, Option<Topic>),
        person: Option<&Person>,
        channel: Channel,
    ) -> Result<Values, FillError> {
        if let Some(name) = person.and_then(|person| person.profile.expose().given_name.as_deref()) {
            values.set_default("patient.first_name", name);
        }
        let practice = self.practice;
        let name = if practice.name.is_empty() { &self.tenant.tenant.display_name } else { &practice.name };
        for (variable, text) in [
            ("practice.name", name),
            ("practice.phone", &practice.phone),
            ("practice.postal_address", &practice.postal_address),
        ] {
            if !text.is_empty() {
                values.set_default(variable, text.as_str());
            }
        }
        let address = to.address(channel).unwrap_or_default();
        let address_hash = prepare::address_hash(self.tenant.hash_key(), channel, address);
        let subject = Subject {
            recipient_id: person.map(|person| person.recipient_id),
            address: Some(AddressKey { channel, address_hash }),
            topic,
            message_id: None,
        };
        let token =
            |link_use| tokens::issue(self.tenant, link_use, &subject, self.now).map_err(|_refused| FillError::Link);
        let portal = if practice.portal_url.is_empty() { self.public_url.as_str() } else { &practice.portal_url };
        values.set_default("portal_url", portal);
        values.set_default("preferences_url", tokens::preferences_url(self.public_url, &token(LinkUse::Preferences)?));
        values.set_default("optout_url", tokens::unsubscribe_url(self.public_url, &token(LinkUse::Unsubscribe)?));
        Ok(values)
    }
}

/// The first address of each kind that is used, in the person's own order. Their inbox here is known by their id where
/// they have given no other.
#[must_use]
pub fn addresses_of(person: &Person) -> Recipient {
    let first = |channel| {
        let points = person.contact_points.iter().filter(|point| point.is_active && point.channel == channel);
        points.min_by_key(|point| point.rank).map(|point| point.address.expose().clone())
    };
    let in_app = first(Channel::InApp).unwrap_or_else(|| person.recipient_id.to_string());
    Recipient { phone: first(Channel::Sms), email: first(Channel::Email), in_app: Some(in_app) }
}
