//! `relance demo`: two creditors, their customers and 120 days, played through on the real code in virtual time; then it serves what it made.
//!
//! Nothing leaves the machine: both creditors are test tenants, whose only transport is the sandbox. The same seed always gives the same world.

mod agreements;
mod payers;
mod report;
mod world;

use std::{net::TcpListener, path::PathBuf, sync::Arc};

use chrono::{DateTime, Days, NaiveTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::Failure;
use crate::{
    actions,
    clock::Clock,
    config::{Config, Settings},
    domain::{calendar::local, ids::TenantId},
    error::Result,
    http::{Contract, State},
    instance::Instance,
    jobs::{self, Turn},
    store::{self, Db},
};
use world::Creditor;

/// Plays a rehearsal through and serves it.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Virtual days to play.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=730))]
    days: u32,
    /// What the world is made from; the same number, the same world.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// End after the closing table instead of serving.
    #[arg(long)]
    no_serve: bool,
    /// Keep the database in this folder instead of a temporary one.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self, settings: &Settings) -> std::result::Result<(), Failure> {
        let folder = self.folder.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("relance-demo-{}", std::process::id())));
        std::fs::create_dir_all(&folder)?;
        let database = folder.join("demo.db");
        if database.exists() {
            return Err(format!("{} is there already; name another folder, or remove it", database.display()).into());
        }
        let settings = Settings { database_url: Some(format!("sqlite:{}", database.display())), master_key: None, ..settings.clone() };
        let config = settings.check()?;
        let outcome = self.play(config);
        if self.folder.is_none() {
            std::fs::remove_dir_all(&folder)?;
        }
        outcome
    }

    fn play(&self, config: Config) -> std::result::Result<(), Failure> {
        store::migrations::migrate(&config.database)?;
        let db = Db::open(&config.database, config.connections)?;
        let clock = Clock::system();
        let listener =
            TcpListener::bind(config.listen).map_err(|error| format!("cannot listen at {}: {error}; set RELANCE_LISTEN", config.listen))?;
        let instance = Arc::new(Instance::new(db, clock, config)?);
        actix_web::rt::System::new().block_on(async {
            let creditors = self.rehearse(&instance).await?;
            report::print(&instance, &creditors).await?;
            if self.no_serve {
                return Ok(());
            }
            report::invite(&instance, &creditors);
            let state = Arc::new(State::new(Arc::clone(&instance), Arc::new(Contract::published()?))?);
            super::serve::until_told(instance, state, listener).await
        })
    }

    /// The days, one after the other: what is invoiced and paid on each, and then whatever falls due until the next morning.
    async fn rehearse(&self, instance: &Arc<Instance>) -> Result<Vec<Creditor>> {
        let today = instance.clock.now().date_naive();
        let first = today.checked_sub_days(Days::new(u64::from(self.days))).unwrap_or(today);
        let mut creditors = world::create(instance, self.seed, first, self.days).await?;
        let bar = ProgressBar::new(u64::from(self.days));
        bar.set_style(ProgressStyle::with_template("{bar:40} day {pos} of {len}  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
        for number in 0..u64::from(self.days) {
            let day = first.checked_add_days(Days::new(number)).unwrap_or(first);
            bar.set_message(day.to_string());
            for creditor in &mut creditors {
                creditor.morning(instance, day).await?;
                let evening = local::instant(creditor.zone, day, NaiveTime::from_hms_opt(23, 59, 0).unwrap_or_default());
                advance(instance, creditor.partition, evening).await?;
                creditor.evening(instance, day).await?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(creditors)
    }
}

/// Moves a test partition's clock and does all that falls due on the way.
async fn advance(instance: &Arc<Instance>, partition: TenantId, to: DateTime<Utc>) -> Result<()> {
    instance
        .db
        .write(partition, move |conn| {
            let at = store::tenants::find(conn, partition)?.clock_at.map_or(to, |at| at.0);
            store::tenants::start_clock(conn, partition, at, to)
        })
        .await?;
    while jobs::turn(instance, partition).await? == Turn::Busy {}
    while actions::evidence::seal(&instance.db, &instance.clock, &instance.signer, partition, 2_000).await? > 0 {}
    Ok(())
}
