//! The connection under an HTTP face, so that it can be cut without an answer.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::{HttpRequest, HttpResponse};

/// A second handle of the socket.
#[derive(Clone)]
struct Wire(Arc<TcpStream>);

/// Keeps a handle of each new connection; for `HttpServer::on_connect`.
pub(crate) fn remember(io: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = io.downcast_ref::<tokio::net::TcpStream>()
        && let Ok(handle) = stream.as_fd().try_clone_to_owned()
    {
        extensions.insert(Wire(Arc::new(TcpStream::from(handle))));
    }
}

/// Cuts the connection of a request; what is returned never arrives.
pub(crate) fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(Wire(stream)) = request.conn_data::<Wire>() {
        // Cut already by the other side: the same result.
        let _ = stream.shutdown(Shutdown::Both);
    }
    HttpResponse::InternalServerError().force_close().finish()
}
