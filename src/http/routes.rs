//! Every route, on one page.

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

/// One list for the two who need it: the server and the document.
macro_rules! routes {
    ($($($part:ident)::+),+ $(,)?) => {
        /// Puts every handler on the server.
        pub fn register(config: &mut ServiceConfig) {
            $(config.service($($part)::+);)+
            super::openapi::register(config);
        }

        /// Every handler, for the document.
        #[derive(Debug, OpenApi)]
        #[openapi(paths($($($part)::+),+))]
        pub(super) struct Handlers;
    };
}

use super::{evidence, health, keys, tenants, tokens};

routes! {
    tenants::create,
    tenants::list,
    tenants::find,
    tenants::change,
    tenants::find_own,
    tenants::change_own,
    keys::create,
    keys::list,
    keys::rotate,
    keys::revoke,
    tokens::create,
    evidence::list,
    evidence::checkpoints,
    evidence::public_key,
    evidence::consistency,
    evidence::export,
    evidence::find,
    evidence::inclusion,
    evidence::erase,
    health::livez,
    health::readyz,
    health::metrics,
    health::error_codes,
    health::error_code,
}
