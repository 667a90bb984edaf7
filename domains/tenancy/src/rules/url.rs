//! Addresses that this server calls at a tenant's wish: they must not lead into the deployment's own network.
//!
//! Only what is written is judged here: whoever connects judges each resolved address as well
//! (`carepost_providers::network`).

use carepost_kernel::Reach;
use url::Url;

use crate::error::FieldProblem;

const MAX_LEN: usize = 2_048;

/// Checks an address: `https`, a public host, no user name, no fragment. Who may go anywhere may use `http`, too.
pub(crate) fn check_outward(pointer: &str, text: &str, reach: Reach) -> Result<(), FieldProblem> {
    let refuse = |problem| Err(FieldProblem::new(pointer, problem));
    if text.len() > MAX_LEN {
        return refuse("must be at most 2,048 characters");
    }
    let Ok(url) = Url::parse(text) else { return refuse("must be an absolute address") };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse("must have no user name, password or fragment");
    }
    match url.scheme() {
        "https" => {}
        "http" if reach == Reach::Anywhere => {}
        _ => return refuse("must be https"),
    }
    match url.host_str() {
        Some(host) if reach.allows_host(host) => Ok(()),
        Some(_) => refuse("must be a public host"),
        None => refuse("must have a host"),
    }
}
