//! `relance serve`: the API, the worker, or both, until a signal says stop.

use std::{net::TcpListener, sync::Arc};

use super::Failure;
use crate::{
    actions,
    clock::Clock,
    config::{Config, Role},
    http::{self, State},
    instance::Instance,
    jobs,
    store::{self, DatabaseUrl, Db},
};

/// Serves until SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// What this process does; more than one instance needs PostgreSQL.
    #[arg(long, value_name = "all|api|worker")]
    role: Option<Role>,
    /// Migrate the database first. The embedded database always is.
    #[arg(long)]
    migrate: bool,
}

impl Serve {
    pub(super) fn run(&self, config: Config) -> Result<(), Failure> {
        keep_little();
        let config = Config { role: self.role.unwrap_or(config.role), ..config };
        super::start_log(&config);
        if self.migrate || matches!(config.database, DatabaseUrl::Sqlite(_)) {
            store::migrations::migrate(&config.database)?;
        }
        let db = Db::open(&config.database, config.connections)?;
        let clock = Clock::system();
        show_first_key(&db, &clock)?;
        let listener = TcpListener::bind(config.listen).map_err(|error| format!("cannot listen at {}: {error}", config.listen))?;
        let instance = Arc::new(Instance::new(db, clock, config)?);
        let state = Arc::new(State::new(Arc::clone(&instance), Arc::new(http::Contract::published()?))?);
        give_back();
        actix_web::rt::System::new().block_on(until_told(instance, state, listener))
    }
}

/// Free memory goes back to the system after a tenth of a second, and not after the allocator's second (ten, for large pieces), unless `MIMALLOC_PURGE_DELAY` says otherwise: what one large
/// file took is not kept by each thread that had a part in it.
#[expect(unsafe_code, reason = "the allocator's own call, which it offers to no safe code")]
fn keep_little() {
    /// `mi_option_purge_delay` of mimalloc 2 and 3, in milliseconds; the crate gives names to boolean options alone.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: it sets a number, before there is another thread.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 100) }
}

/// Returns what starting took to the system: an idle server allocates too little to remind the allocator of it.
#[expect(unsafe_code, reason = "the allocator's own call, which it offers to no safe code")]
fn give_back() {
    // SAFETY: it only looks through memory that is free, and may be called at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

/// The platform's first key, on standard output, once: there is no other way to the first tenant.
#[expect(clippy::print_stdout, reason = "shown once, to the operator alone; the log must not have it")]
fn show_first_key(db: &Db, clock: &Clock) -> Result<(), Failure> {
    if let Some(secret) = actions::tenants::first_key(db, clock)? {
        println!("platform key (shown this once): {secret}");
    }
    Ok(())
}

/// Serves the API, and runs the loops if the role says so, until a signal says stop.
pub(super) async fn until_told(instance: Arc<Instance>, state: Arc<State>, listener: TcpListener) -> Result<(), Failure> {
    let address = listener.local_addr()?;
    // Before any work begins: until then a signal ends the process at once, and nothing is lost by it.
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let loops = (instance.config.role != Role::Api).then(|| jobs::start(&instance, &stopped));
    let server = http::serve(Arc::clone(&state), listener, 2)?;
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    tracing::info!(%address, role = %state.config.role, "serving; the reference is at /docs");
    tokio::select! {
        _ = terminated.recv() => {}
        outcome = tokio::signal::ctrl_c() => outcome?,
    }
    tracing::info!("stopping");
    // The loops finish their turns while the API drains: whatever is between claim and result gets its result.
    stop.send_replace(true);
    handle.stop(true).await;
    running.await.map_err(|error| error.to_string())??;
    state.requests.write(&state.db, state.clock.now()).await;
    if let Some(loops) = loops {
        loops.await.map_err(|error| error.to_string())?;
    }
    tracing::info!("stopped");
    Ok(())
}
