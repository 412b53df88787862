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

use super::{allocations, batch, contacts, credit_notes, customers, documents, evidence, explain, health, inbound, invoices, keys, messages, payments, policies, preview, provider_accounts, reminders, suppressions, tasks, templates, tenants, test_clock, tokens, unsubscribe};

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
    reminders::list,
    reminders::find,
    reminders::approve,
    reminders::cancel,
    reminders::retry,
    messages::list,
    messages::find,
    messages::resolve,
    messages::outbox,
    tasks::list,
    tasks::find,
    tasks::change,
    tasks::complete,
    tasks::cancel,
    explain::customer,
    explain::invoice,
    test_clock::find,
    test_clock::advance,
    inbound::receive,
    inbound::receive_by_get,
    unsubscribe::show,
    unsubscribe::unsubscribe,
    health::livez,
    health::readyz,
    health::metrics,
    health::error_codes,
    health::error_code,
}
