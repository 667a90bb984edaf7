//! The open pixel `/o/{token}` (HUB-022): a picture of one point, whatever the token is and whatever ails us.
//!
//! A person's visit makes its message `opened` once, by the way that receipts take (DEL-6). Nothing else of it is kept:
//! no further moment and nothing of the visitor. Pixels are there only where the message was sent with `track_opens`.

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use carepost_delivery::links::open_key;
use carepost_kernel::{Chain, ReceiptStatus};

use super::auth::SeenTenant;
use super::error::ApiError;
use super::links::{find, is_machine, tell_engine};
use super::metrics::count_open;
use super::state::AppState;
use super::visits::Visit;

/// One transparent point (GIF89a).
pub(super) const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\
    \x21\xf9\x04\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";

/// Show the picture of one point
///
/// Whatever the token is and whatever ails us. A person who loads it makes its message `opened`, once.
#[utoipa::path(
    get,
    path = "/o/{token}",
    tag = "pages",
    params(("token" = String, Path, description = "The token of the picture.")),
    responses((status = 200, description = "One transparent point.", content_type = "image/gif", body = Vec<u8>)),
)]
pub(crate) async fn show_pixel(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    match visit(&request, &state).await {
        Ok(result) => count_open(result),
        // The request is held until the tenant is there: see `relay.rs`.
        Err(error) if error.is_moving() => return Err(error),
        Err(error) => {
            count_open("lost");
            let tenant = request.extensions().get::<SeenTenant>().map(|seen| seen.0);
            tracing::warn!(tenant.id = tenant.map(tracing::field::display), error = %Chain(&error), "count an open");
        }
    }
    Ok(pixel())
}

/// What the visit counts as.
async fn visit(request: &HttpRequest, state: &AppState) -> Result<&'static str, ApiError> {
    let text = request.match_info().get("token").unwrap_or_default();
    let Some(found) = find(text, state).await? else { return Ok("unknown") };
    if found.record.target_sealed.is_some() {
        // A link: looking at it here is not following it.
        return Ok("unknown");
    }
    request.extensions_mut().insert(SeenTenant(found.tenant.tenant.tenant_id));
    let now = state.clock.now();
    if is_machine(request) {
        return Ok("machine");
    }
    if !state.visits.may(Visit::Pixel, text, now) {
        return Ok("too_often");
    }
    let is_told = tell_engine(&found, (ReceiptStatus::Opened, open_key), now, state).await?;
    Ok(if is_told { "counted" } else { "unknown" })
}

/// `Cache-Control: no-store` and `Referrer-Policy: no-referrer` come with every answer (`observe.rs`).
fn pixel() -> HttpResponse {
    HttpResponse::Ok().content_type("image/gif").body(PIXEL)
}

/// Mail programs show no broken picture, even where nobody took the tenant in time.
pub(super) fn in_any_case(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if response.status().is_success() {
        return response;
    }
    count_open("lost");
    response.into_response(pixel())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::StatusCode;
    use actix_web::test::TestRequest;

    use super::*;

    #[actix_web::test]
    async fn hub_022_what_could_not_be_answered_is_answered_with_the_picture() {
        let answered =
            |response: HttpResponse| in_any_case(TestRequest::get().to_srv_request().into_response(response));
        for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::FOUND] {
            let response = answered(HttpResponse::build(status).body("why"));
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(to_bytes(response.into_body()).await.unwrap(), PIXEL, "{status}");
        }
        let response = answered(HttpResponse::Ok().body("another process's own"));
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), "another process's own");
    }

    #[test]
    fn hub_022_the_picture_is_one_transparent_point() {
        assert_eq!((PIXEL.len(), &PIXEL[6..10]), (43, [1, 0, 1, 0].as_slice()), "1 by 1");
        // The graphic control extension says that colour 0 is transparent, and the picture is of that colour: code size 2,
        // then clear (4), colour 0, end (5) in codes of three bits, the lowest first.
        assert_eq!(PIXEL[19..27], [0x21, 0xf9, 4, 1, 0, 0, 0, 0]);
        let bits = u16::from_le_bytes([PIXEL[39], PIXEL[40]]);
        assert_eq!([bits & 7, (bits >> 3) & 7, (bits >> 6) & 7], [4, 0, 5]);
        assert_eq!(PIXEL[41..], [0, 0x3b]);
    }
}
