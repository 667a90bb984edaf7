//! The gate by HTTP: its policy with all versions, what it would say, and what another policy would have done.
//!
//! A version of the policy is made as a draft, may be held against last week's messages, and is activated, now or from an
//! instant on. Activation is by the process in which the tenant lives, and holds when it is answered.

pub(super) mod dry_run;
pub(super) mod policies;
pub(super) mod preset;
pub(super) mod simulate;
pub(super) mod types;
pub(super) mod view;

use actix_web::HttpRequest;

use super::error::ApiError;
use super::query::path_id;

/// The version in the path.
///
/// # Errors
/// 404.
fn path_version(request: &HttpRequest) -> Result<u32, ApiError> {
    path_id(request, "version")
}
