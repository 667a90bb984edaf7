//! A path with its methods: one line of the route table, from which the routes, the answers to other methods and the
//! test against the OpenAPI document are made.

use actix_web::dev::ServiceRequest;
use actix_web::middleware::from_fn;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route, Scope, web};

use super::error::ApiError;
use super::observe::RoutePattern;
use super::relay;

/// One path.
pub(super) struct Path {
    pattern: &'static str,
    methods: Vec<&'static str>,
    documented: bool,
    resource: Resource,
    by_owner: &'static [&'static str],
}

/// Begins a line of the table.
pub(super) fn path(pattern: &'static str) -> Path {
    let resource = web::resource(pattern).app_data(RoutePattern(pattern));
    Path { pattern, methods: Vec::new(), documented: true, resource, by_owner: &[] }
}

macro_rules! method {
    ($(#[$meta:meta])* $name:ident, $text:literal) => {
        $(#[$meta])*
        pub(super) fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.route($text, web::$name().to(handler))
        }
    };
}

impl Path {
    method! {
        /// Answers `GET`.
        get, "GET"
    }
    method! {
        /// Answers `HEAD`.
        head, "HEAD"
    }
    method! {
        /// Answers `POST`.
        post, "POST"
    }
    method! {
        /// Answers `PUT`.
        put, "PUT"
    }
    method! {
        /// Answers `PATCH`.
        patch, "PATCH"
    }
    method! {
        /// Answers `DELETE`.
        delete, "DELETE"
    }

    /// Only the process in which the tenant lives can answer these methods: others pass them on.
    pub(super) fn by_owner(mut self, methods: &'static [&'static str]) -> Self {
        self.by_owner = methods;
        self
    }

    /// Not a part of the API: the documents about it.
    pub(super) fn undocumented(mut self) -> Self {
        self.documented = false;
        self
    }

    fn route(mut self, method: &'static str, route: Route) -> Self {
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }

    /// Adds the path to a scope.
    pub(super) fn register(self, scope: Scope) -> Scope {
        let allow = self.methods.join(", ");
        let refuse = move || std::future::ready(Err::<HttpResponse, _>(ApiError::method_not_allowed(allow.clone())));
        let resource = self.resource.default_service(web::to(refuse));
        match self.by_owner {
            [] => scope.service(resource),
            methods => scope.service(resource.wrap(from_fn(move |request: ServiceRequest, next| async move {
                if methods.contains(&request.method().as_str()) {
                    relay::to_owner(request, next).await
                } else {
                    next.call(request).await
                }
            }))),
        }
    }

    /// Pattern and methods, where they belong into the OpenAPI document. HEAD is the GET beside it, without its body (RFC 9110,
    /// section 9.3.2).
    pub(super) fn documented(&self) -> Vec<(&'static str, &'static str)> {
        let methods = if self.documented { self.methods.as_slice() } else { &[] };
        methods.iter().filter(|method| **method != "HEAD").map(|method| (*method, self.pattern)).collect()
    }
}
