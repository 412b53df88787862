//! The API: routes, views, problems and the OpenAPI document; one file per resource.
//!
//! Reads go to the store, writes to actions. Only this floor knows status codes. Invariant: what a handler sees has passed the published
//! contract, and belongs to the caller's tenant.

mod access;
mod allocations;
mod audit;
pub mod auth;
mod batch;
mod body;
mod call;
mod codes;
mod conflicts;
mod connections;
mod contacts;
mod contract;
mod credit;
mod credit_decisions;
mod credit_notes;
mod customers;
mod debtor;
mod direct_debits;
mod disputes;
mod documents;
mod events;
mod evidence;
mod expand;
mod explain;
mod exports;
mod external;
mod frame;
mod guides;
mod habits;
mod health;
mod holds;
mod identity_providers;
mod import_mappings;
mod imports;
mod inbound;
mod interest;
mod invoices;
mod keyed;
mod keys;
mod leaks;
mod limits;
mod messages;
mod openapi;
mod page;
mod payment_plans;
mod payments;
mod people;
mod policies;
mod preview;
mod problem;
mod promises;
mod protections;
mod provider_accounts;
mod publishable_keys;
mod push;
mod reference_rates;
mod reminders;
mod requests;
mod reviews;
mod routes;
mod scores;
mod simulation;
mod solvency;
mod subject;
mod suppressions;
mod tables;
mod tasks;
mod templates;
mod tenants;
mod terms;
mod test_clock;
mod tokens;
mod unsubscribe;
mod upload;
mod webhooks;

use std::sync::Arc;

use actix_web::{
    App, HttpServer, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{Server, Service, ServiceResponse},
    middleware::Compress,
    web,
};

pub use call::Call;
pub use codes::{Code, codes};
pub use contract::Contract;
pub use openapi::{document, older};
pub use problem::Problem;

use crate::instance::Instance;

/// What every handler can reach.
#[derive(Debug)]
pub struct State {
    /// What it shares with the worker.
    pub instance: Arc<Instance>,
    /// The compiled contract.
    pub contract: Arc<Contract>,
    /// Keys and tokens.
    pub auth: auth::Auth,
    /// What `/metrics` shows.
    pub metrics: health::Metrics,
    /// Keys of requests under way, so that a second one is told to wait.
    pub under_way: keyed::UnderWay,
    /// What requests did, until it is written.
    pub requests: requests::Requests,
    /// How much each caller has asked.
    pub limits: limits::Limits,
    /// How often leaked keys are reported, and from where.
    pub leak_reports: leaks::Reports,
    /// Invoices that come one by one, at once.
    pub new_invoices: Arc<invoices::Arriving>,
}

impl State {
    /// Everything the API needs.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn new(instance: Arc<Instance>, contract: Arc<Contract>) -> Result<Self, String> {
        Ok(Self {
            contract,
            auth: auth::Auth::new(&instance.config)?,
            metrics: health::Metrics::new().map_err(|error| error.to_string())?,
            under_way: keyed::UnderWay::default(),
            requests: requests::Requests::default(),
            limits: limits::Limits::new(instance.config.rates),
            leak_reports: leaks::Reports::default(),
            new_invoices: invoices::Arriving::new(invoices::record),
            instance,
        })
    }
}

/// What is shared reads as the API's own.
impl std::ops::Deref for State {
    type Target = Instance;
    fn deref(&self) -> &Instance {
        &self.instance
    }
}

/// Binds the address and serves until the handle is told to stop.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve(state: Arc<State>, listener: std::net::TcpListener, workers: usize) -> std::io::Result<Server> {
    actix_web::rt::spawn(requests::write_on(Arc::downgrade(&state)));
    let data = web::Data::from(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .configure(routes::register)
            .default_service(web::route().to(call::nowhere))
            .wrap_fn(|request, service| {
                let state = request.app_data::<web::Data<State>>().cloned();
                let id = call::request_id(request.request());
                let started = std::time::Instant::now();
                let method = request.method().to_string();
                let answer = service.call(request);
                async move {
                    let (mut answer, code) = named(answer.await?, &id);
                    let route = answer.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
                    let elapsed = started.elapsed();
                    if debtor::is_for_pages(answer.request().path()) {
                        debtor::open_to_pages(answer.headers_mut());
                    }
                    if let Some(state) = state {
                        frame::complete(&state, &id, &mut answer, (code, elapsed));
                        state.metrics.observe(&method, &route, answer.status().as_u16(), elapsed);
                    }
                    tracing::info!(request_id = %id, method, route, status = answer.status().as_u16(), micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), "request");
                    Ok(answer)
                }
            })
            .wrap(Compress::default())
            .wrap_fn(|request, service| {
                let answer = service.call(request);
                async move {
                    let mut answer = answer.await?;
                    frame::tell_coding(&mut answer);
                    Ok(answer)
                }
            })
    })
    .workers(workers)
    .client_request_timeout(std::time::Duration::from_secs(5))
    // Longer than proxies and clients keep an idle connection, 60 to 90 seconds as a rule: whoever ends it first must not be the one who does not know.
    .keep_alive(std::time::Duration::from_secs(100))
    .shutdown_timeout(20)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

/// A problem names its request, wherever on the way it arose; its code is returned beside it.
fn named(answer: ServiceResponse<impl MessageBody + 'static>, id: &str) -> (ServiceResponse<BoxBody>, Option<String>) {
    let problem = answer.response().error().and_then(|error| error.as_error::<Problem>()).cloned();
    match problem {
        Some(problem) => {
            let code = problem.code.clone();
            (answer.into_response(problem.of_request(id).error_response()), Some(code))
        }
        None => (answer.map_into_boxed_body(), None),
    }
}
