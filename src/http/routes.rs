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

use super::{
    allocations, batch, contacts, credit_notes, customers, documents, evidence, health, invoices, keys, payments, policies, preview,
    provider_accounts, suppressions, templates, tenants, tokens,
};

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
    batch::customers,
    batch::invoices,
    batch::payments,
    customers::find_by_key,
    customers::put_by_key,
    customers::create,
    customers::list,
    customers::find,
    customers::change,
    contacts::create,
    contacts::change,
    contacts::remove,
    invoices::find_by_key,
    invoices::put_by_key,
    invoices::create,
    invoices::list,
    invoices::find,
    invoices::change,
    invoices::cancel,
    payments::create,
    payments::list,
    payments::find,
    payments::allocate,
    payments::give_back,
    credit_notes::create,
    credit_notes::list,
    credit_notes::find,
    credit_notes::allocate,
    allocations::remove,
    documents::create,
    documents::list,
    documents::find,
    documents::content,
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
