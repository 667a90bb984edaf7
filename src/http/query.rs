//! Query parameters and path ids: each known by name, each given at most once, all faults told at once.

use actix_web::HttpRequest;
use carepost_kernel::{Cursor, Page};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, Code, FaultView};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 200;

/// The parameters of a request, still as text.
pub(super) struct Parameters {
    values: Vec<(&'static str, String)>,
    faults: Vec<FaultView>,
}

impl Parameters {
    /// Splits the query; what is not in `known` is a fault.
    pub(super) fn read(request: &HttpRequest, known: &[&'static str]) -> Self {
        let mut parameters = Self { values: Vec::new(), faults: Vec::new() };
        for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
            match known.iter().find(|known| **known == name) {
                None => parameters.fault(None, "there is a parameter that is not known here"),
                Some(name) if parameters.values.iter().any(|(other, _)| other == name) => {
                    parameters.fault(Some(name), "stands there twice");
                }
                Some(name) => parameters.values.push((name, value.into_owned())),
            }
        }
        parameters
    }

    /// One parameter, parsed; absent or wrong is `None`.
    pub(super) fn get<T>(
        &mut self,
        name: &'static str,
        problem: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (_, text) = self.values.iter().find(|(found, _)| *found == name)?;
        let parsed = parse(text);
        if parsed.is_none() {
            self.fault(Some(name), problem);
        }
        parsed
    }

    /// The page that is asked for.
    pub(super) fn page(&mut self) -> PageRequest {
        let cursor = self.get("cursor", "must be a cursor of this server", |text| Cursor::decode(text).ok());
        let limit = self.get("limit", "must be between 1 and 200", |text| page_limit(text.parse().ok()?));
        PageRequest { cursor, limit: limit.unwrap_or(DEFAULT_LIMIT) }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults together.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ApiError::faults(Code::InvalidRequest, self.faults)) }
    }

    fn fault(&mut self, name: Option<&'static str>, problem: &'static str) {
        self.faults.push(FaultView::parameter(name, problem));
    }
}

/// A page's length within its bounds.
pub(super) fn page_limit(limit: usize) -> Option<usize> {
    (1..=MAX_LIMIT).contains(&limit).then_some(limit)
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageRequest {
    /// After which row it starts.
    pub(super) cursor: Option<Cursor>,
    /// How many rows it has at most.
    pub(super) limit: usize,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { cursor: None, limit: DEFAULT_LIMIT }
    }
}

impl PageRequest {
    /// Reads a request that has no other parameters.
    ///
    /// # Errors
    /// 400 for what is wrong with them.
    pub(super) fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut parameters = Parameters::read(request, &["cursor", "limit"]);
        let page = parameters.page();
        parameters.finish().map(|()| page)
    }
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes to the OpenAPI document what `PageRequest` reads")]
pub(super) struct PageQuery {
    /// `next` of the page before, as it came.
    cursor: Option<String>,
    /// How many entries at most: 1 to 200, default 50.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageView<T> {
    /// The entries.
    pub(super) items: Vec<T>,
    /// `cursor` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl<T> PageView<T> {
    /// Shows a page.
    pub(super) fn new<Row>(page: Page<Row>, show: impl FnMut(Row) -> T) -> Self {
        let next = page.next.map(Cursor::encode);
        Self { items: page.items.into_iter().map(show).collect(), next }
    }
}

/// An id in the path. What is no id is nobody's: 404, like any id that is not the caller's.
///
/// # Errors
/// 404.
pub(super) fn path_id<T: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<T, ApiError> {
    let id = request.match_info().get(name).and_then(|text| text.parse().ok());
    id.ok_or_else(|| ApiError::not_found("nothing of this id belongs to the caller"))
}
