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

use super::{health, keys, policies, preview, provider_accounts, suppressions, templates, tenants, tokens};

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
    policies::create,
    policies::list,
    policies::find,
    policies::redraft,
    policies::activate,
    policies::archive,
    policies::migrate,
    templates::list,
    templates::find,
    templates::write,
    templates::activate,
    preview::preview,
    provider_accounts::create,
    provider_accounts::list,
    provider_accounts::find,
    provider_accounts::change,
    provider_accounts::rotate_credentials,
    provider_accounts::disable,
    provider_accounts::enable,
    suppressions::list,
    suppressions::create,
    suppressions::lift,
    health::livez,
    health::readyz,
    health::metrics,
    health::error_codes,
    health::error_code,
}
