//! The open pixel: one more picture in an email's HTML.

use carepost_kernel::{Channel, SealError};

use super::{LinkContext, NewLink, base, hash_of, html, make};
use crate::types::Payload;

/// Puts a pixel into the HTML of a payload's email, and gives what is to be stored for it. `None` where there is no HTML.
///
/// # Errors
/// Where no randomness can be had.
pub fn add_pixel(payload: &mut Payload, context: LinkContext<'_>) -> Result<Option<NewLink>, SealError> {
    let recipient_hash = hash_of(&payload.to, Channel::Email, context);
    let Some(email_html) = payload.email.as_mut().and_then(|email| email.html.as_mut()) else { return Ok(None) };
    if email_html.is_empty() {
        return Ok(None);
    }
    let (made, token) = make(None, Channel::Email, recipient_hash, context)?;
    let address = html::escape(&format!("{}/o/{token}", base(context.public_url)));
    // Screen readers pass it over, and no mailbox on the web tells us its own address.
    let picture = format!(
        "<img src=\"{address}\" alt=\"\" width=\"1\" height=\"1\" border=\"0\" referrerpolicy=\"no-referrer\">"
    );
    email_html.insert_str(html::end_of_body(email_html), &picture);
    Ok(Some(made))
}
