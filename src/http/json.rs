//! Bodies: read within a limit, parsed once; a body that does not parse is read again to name the field.
//!
//! Serde's own texts repeat values, so none of them goes out (DEL-9): only the kind of fault does.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::Segment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{ApiError, Code, FaultView};
use super::intake::Place;
use super::state::AppState;

/// No body takes longer to come.
const BODY_PATIENCE: Duration = Duration::from_secs(120);
/// And none that is thrown away.
const DISCARD_PATIENCE: Duration = Duration::from_secs(1);
/// Memory for a body is given as it comes: what a header declares costs nothing. So much is free; beyond it, bodies
/// share what [`super::state::HttpLimits::large_bodies_bytes`] gives, in steps of this size (DEL-12).
pub(super) const STEP_BYTES: usize = 64 << 10;

/// A body, with the room that it takes for as long as it is worked on.
#[derive(Clone)]
pub(super) struct Body {
    bytes: Bytes,
    _room: Option<Arc<OwnedSemaphorePermit>>,
}

impl Deref for Body {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

/// Why a body was not read.
enum Unread {
    TooLarge,
    /// Other large bodies take up all room.
    NoRoom,
    Broken,
}

impl From<PayloadError> for Unread {
    fn from(_: PayloadError) -> Self {
        Self::Broken
    }
}

/// Reads the raw body of a JSON request.
///
/// # Errors
/// 415 for another content type, 413 over the limit.
pub(super) async fn read(request: &HttpRequest, payload: Payload, limit_bytes: usize) -> Result<Body, ApiError> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let essence = header(CONTENT_TYPE).and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(Code::UnsupportedMediaType, "the header Content-Type must be application/json"));
    }
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(ApiError::new(Code::UnsupportedMediaType, "the body must not be compressed"));
    }
    read_raw(request, payload, limit_bytes).await
}

/// Reads the raw body of a JSON request that may come without one.
///
/// # Errors
/// As [`read`], where there is one.
pub(super) async fn read_some(
    request: &HttpRequest,
    payload: Payload,
    limit_bytes: usize,
) -> Result<Option<Body>, ApiError> {
    if request.headers().contains_key(CONTENT_TYPE) {
        return read(request, payload, limit_bytes).await.map(Some);
    }
    let body = read_raw(request, payload, limit_bytes).await?;
    if body.is_empty() {
        return Ok(None);
    }
    Err(ApiError::new(Code::UnsupportedMediaType, "the header Content-Type must be application/json"))
}

/// Reads a raw body of any type; one that was [held](hold) is there already. A body over the limit is read on for a
/// while and thrown away, so that the caller, who is still sending, gets to see the answer.
///
/// # Errors
/// 413 over the limit, 429 or 503 where other bodies take up the tenant's room or all of it.
pub(super) async fn read_raw(request: &HttpRequest, payload: Payload, limit_bytes: usize) -> Result<Body, ApiError> {
    if let Some(held) = request.extensions().get::<Body>() {
        return if held.len() > limit_bytes { Err(too_large(limit_bytes)) } else { Ok(held.clone()) };
    }
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let room = request.app_data::<Data<AppState>>().map(|state| Arc::clone(&state.large_bodies));
    let reading = collect(payload, declared.unwrap_or(0), limit_bytes, room);
    match tokio::time::timeout(BODY_PATIENCE, reading).await {
        Ok(Ok(body)) => {
            if let Some(place) = request.extensions_mut().get_mut::<Place>() {
                place.take_body(body.len())?;
            }
            Ok(body)
        }
        Ok(Err(Unread::TooLarge)) => Err(too_large(limit_bytes)),
        Ok(Err(Unread::NoRoom)) => {
            Err(ApiError::unavailable("too many large bodies are being read").with_limit("large_bodies"))
        }
        Ok(Err(Unread::Broken)) | Err(_) => {
            Err(ApiError::new(Code::InvalidRequest, "the body broke off or came too slowly"))
        }
    }
}

/// Reads a body and throws it away, for as long as it comes without delay.
pub(super) async fn discard(mut payload: dev::Payload) {
    let reading = async { while let Some(Ok(_)) = payload.next().await {} };
    // The connection of one that comes more slowly is closed.
    let _cut_off = tokio::time::timeout(DISCARD_PATIENCE, reading).await;
}

/// Keeps a body with its request, so that it can be read more than once.
pub(super) fn hold(request: &HttpRequest, body: Body) {
    request.extensions_mut().insert(body);
}

async fn collect(
    mut payload: Payload,
    declared: usize,
    limit_bytes: usize,
    room: Option<Arc<Semaphore>>,
) -> Result<Body, Unread> {
    let mut bytes = BytesMut::with_capacity(declared.min(STEP_BYTES));
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let mut total_bytes = 0;
    let mut fault = (declared > limit_bytes).then_some(Unread::TooLarge);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk?;
        total_bytes += chunk.len();
        if fault.is_none() && total_bytes > limit_bytes {
            fault = Some(Unread::TooLarge);
        }
        if fault.is_none() && !make_room(&mut taken, total_bytes, room.as_ref()) {
            fault = Some(Unread::NoRoom);
        }
        if fault.is_none() {
            bytes.extend_from_slice(&chunk);
        } else if total_bytes > 2 * limit_bytes {
            break;
        } else {
            bytes = BytesMut::new();
            taken = None;
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(Body { bytes: bytes.freeze(), _room: taken.map(Arc::new) }),
    }
}

/// Takes more room where a body has outgrown what it has; false where there is none.
fn make_room(taken: &mut Option<OwnedSemaphorePermit>, total_bytes: usize, room: Option<&Arc<Semaphore>>) -> bool {
    let Some(room) = room else { return true };
    let has = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let needs = total_bytes.saturating_sub(1) / STEP_BYTES;
    let Ok(more) = u32::try_from(needs.saturating_sub(has)) else { return false };
    if more == 0 {
        return true;
    }
    let Ok(permit) = Arc::clone(room).try_acquire_many_owned(more) else { return false };
    match taken {
        Some(held) => held.merge(permit),
        None => *taken = Some(permit),
    }
    true
}

fn too_large(limit_bytes: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the limit is {limit_bytes} bytes"))
}

/// Parses an object.
///
/// # Errors
/// `malformed_json` or `invalid_body`, with the pointer of the field.
pub(super) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    // Serde would take a list for an object: fields in the order in which we happen to declare them.
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let (is_object, is_list) = (first == Some(&b'{'), first == Some(&b'['));
    match serde_json::from_slice(bytes) {
        Ok(parsed) if is_object => Ok(parsed),
        Ok(_) => Err(ApiError::field(Code::InvalidBody, "", "must be an object")),
        // Whatever does not fit in the list, the list itself does not.
        Err(error) if is_list && error.is_data() => Err(ApiError::field(Code::InvalidBody, "", "must be an object")),
        Err(error) => Err(explain::<T>(bytes, &error)),
    }
}

/// Parses a list.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_list<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<Vec<T>, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| explain::<Vec<T>>(bytes, &error))
}

fn explain<'a, T: Deserialize<'a>>(bytes: &'a [u8], first: &serde_json::Error) -> ApiError {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let located = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err();
    let at = located.as_ref().map_or_else(String::new, |error| pointer(error.path()));
    if first.classify() == Category::Data {
        return shape_fault(at, first);
    }
    let mut error = ApiError::new(
        Code::MalformedJson,
        format!("reading stopped at line {}, column {}", first.line(), first.column()),
    );
    if !at.is_empty() {
        error = error.with_faults(vec![FaultView::field(at, "cannot be read from here on")]);
    }
    error
}

fn shape_fault(at: String, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    // Both name a field that the type declares, and lie with the object around it.
    for (start, detail) in [("missing field `", "is needed"), ("duplicate field `", "stands there twice")] {
        if let Some(field) = text.strip_prefix(start).and_then(|rest| rest.split('`').next()) {
            return ApiError::field(Code::InvalidBody, format!("{at}/{field}"), detail);
        }
    }
    let kinds = [
        ("unknown field", "is not a field that is known here"),
        ("unknown variant", "is not one of the values that are known here"),
        ("invalid type", "has the wrong type"),
        ("invalid value", "is out of range for its type"),
        ("invalid length", "has the wrong length"),
    ];
    let detail = kinds.into_iter().find(|(start, _)| text.starts_with(start));
    ApiError::field(Code::InvalidBody, at, detail.map_or("is not in its form", |(_, detail)| detail))
}

/// RFC 6901. Names that callers made up may hold anything: only those that look like a field's name go out, and
/// nothing below the caller's own notes.
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } if is_field_name(key) => {
                pointer.push('/');
                pointer.push_str(key);
                if key == "metadata" {
                    break;
                }
            }
            Segment::Map { .. } => break,
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn is_field_name(key: &str) -> bool {
    (1..=40).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A value that must be written as an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// For a field that must be an object.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// For a field that is an object, null or absent.
pub(super) fn optional_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// For a list of objects.
pub(super) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(deserializer)?.into_iter().map(|object| object.0).collect())
}

/// For a field where null says something else than absence.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in a merge patch (RFC 7396)")]
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
