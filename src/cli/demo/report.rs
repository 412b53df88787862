//! The closing table of the demonstration, and the way in afterwards.

use std::{collections::BTreeMap, io::Cursor, sync::Arc};

use chrono::NaiveDate;
use futures_util::TryStreamExt;

use super::world::{Creditor, Sale};
use crate::{
    actions::export::Log,
    domain::evidence::verify::{Trust, verify},
    error::{Error, Result},
    instance::Instance,
    store::{self, Conn},
};

/// More rows than the demonstration makes.
const ALL: i64 = 1_000_000;

/// Prints what happened: messages by channel and status, what was agreed, days to payment with and without reminders, and the verdict on the evidence.
#[expect(clippy::print_stdout, reason = "the table is the output")]
pub async fn print(instance: &Arc<Instance>, creditors: &[Creditor]) -> Result<()> {
    for creditor in creditors {
        let partition = creditor.partition;
        let messages = instance
            .db
            .read(partition, move |conn| store::messages::list(conn, partition, &store::messages::Filter::default(), None, ALL))
            .await?;
        let tasks = instance
            .db
            .read(partition, move |conn| store::tasks::list(conn, partition, &store::tasks::Filter::default(), None, ALL))
            .await?;
        let mut counts = BTreeMap::<(String, String), u32>::new();
        for message in &messages {
            let status = message.delivery_status.map_or_else(|| message.state.to_string(), |status| status.to_string());
            *counts.entry((message.channel.to_string(), status)).or_default() += 1;
        }
        for task in &tasks {
            *counts
                .entry((
                    format!("{} (task)", task.kind),
                    task.outcome.map_or_else(|| task.state.to_string(), |outcome| outcome.to_string()),
                ))
                .or_default() += 1;
        }
        println!(
            "\n{}: {} customers, {} invoices, {} messages",
            creditor.name,
            customers(creditor),
            creditor.invoices.len(),
            messages.len()
        );
        for ((channel, status), count) in counts {
            println!("  {channel:<16} {status:<16} {count:>6}");
        }
        for (what, counts) in agreed(instance, creditor).await? {
            let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
            println!("  {what:<16} {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") });
        }
        let end = creditor.invoices.iter().map(|sale| sale.issued).max().unwrap_or_default();
        let (before, after) =
            (days_to_pay(&creditor.invoices, end, |sale| sale.unprompted), days_to_pay(&creditor.invoices, end, |sale| sale.pays_on));
        println!(
            "  days sales outstanding, weighted by amount: {before} without a word (the same payers left alone), {after} with reminders"
        );
        println!("  {}", verdict(instance, creditor).await?);
    }
    Ok(())
}

/// How many of what, by state.
type Counts = BTreeMap<String, u32>;

fn counts(states: impl Iterator<Item = String>) -> Counts {
    states.fold(Counts::new(), |mut counts, state| {
        *counts.entry(state).or_default() += 1;
        counts
    })
}

/// Promises, disputes, plans, holds, charges and credit decisions.
async fn agreed(instance: &Arc<Instance>, creditor: &Creditor) -> Result<[(&'static str, Counts); 6]> {
    let (partition, (charges, cents)) = (creditor.partition, creditor.agreements.charges);
    let read = move |conn: &mut Conn| {
        let promises = store::promises::list(conn, partition, &Default::default(), None, ALL)?;
        let disputes = store::disputes::list(conn, partition, &Default::default(), None, ALL)?;
        let plans = store::payment_plans::list(conn, partition, &Default::default(), None, ALL)?;
        let holds = store::holds::list(conn, partition, &Default::default(), None, ALL)?;
        let decisions = store::credit_decisions::list(conn, partition, None, None, ALL)?;
        let charged = Counts::from([(format!("invoices, {}.{:02} EUR in all", cents / 100, cents % 100), charges)]);
        Ok([
            ("promises", counts(promises.iter().map(|one| one.state.to_string()))),
            (
                "disputes",
                counts(disputes.iter().map(|one| one.outcome.map_or_else(|| one.state.to_string(), |outcome| outcome.to_string()))),
            ),
            ("payment plans", counts(plans.iter().map(|one| one.state.to_string()))),
            ("holds", counts(holds.iter().map(|_| "placed".to_owned()))),
            ("interest charged", charged),
            ("credit decisions", counts(decisions.iter().map(|one| one.outcome.to_string()))),
        ])
    };
    instance.db.read(partition, read).await
}

fn customers(creditor: &Creditor) -> usize {
    creditor.invoices.iter().map(|sale| sale.customer).collect::<std::collections::BTreeSet<_>>().len()
}

/// Days from issue to payment, or to the end for what is open then, weighted by amount; of invoices issued before the end.
fn days_to_pay(sales: &[Sale], end: NaiveDate, paid: impl Fn(&Sale) -> Option<NaiveDate>) -> i64 {
    let (mut days, mut cents) = (0i64, 0i64);
    for sale in sales.iter().filter(|sale| sale.issued <= end) {
        let until = paid(sale).map_or(end, |on| on.min(end)).max(sale.issued);
        days = days.saturating_add(until.signed_duration_since(sale.issued).num_days().saturating_mul(sale.cents));
        cents = cents.saturating_add(sale.cents);
    }
    days.checked_div(cents).unwrap_or(0)
}

/// Exports the creditor's evidence and verifies it as anybody could, offline.
async fn verdict(instance: &Arc<Instance>, creditor: &Creditor) -> Result<String> {
    let log = Log::open(&instance.db, &instance.clock, &instance.signer, &instance.config.secrets, creditor.partition).await?;
    let lines: Vec<u8> = log.pieces().try_concat().await?;
    let report = verify(Cursor::new(lines), &Trust::default()).map_err(Error::internal)?;
    let sound = if report.is_sound() { "sound" } else { "NOT SOUND" };
    Ok(format!("evidence: {} entries under {} signed checkpoints: {sound}", report.entries, report.checkpoints))
}

/// Where to look next.
#[expect(clippy::print_stdout, reason = "the invitation is the output")]
pub fn invite(instance: &Arc<Instance>, creditors: &[Creditor]) {
    let url = &instance.config.public_url;
    println!("\nServing until Ctrl-C. The reference: {url}/docs/");
    for creditor in creditors {
        println!("  test key of {}: {}", creditor.name, creditor.key);
    }
    if let Some(creditor) = creditors.first() {
        let key = &creditor.key;
        println!("\nTry:");
        println!("  curl -s -H 'Authorization: Bearer {key}' '{url}/v1/messages?limit=2'");
        println!("  curl -s -H 'Authorization: Bearer {key}' '{url}/v1/invoices?status=open&limit=2'");
        println!(
            "  curl -s -H 'Authorization: Bearer {key}' '{url}/v1/evidence/export' > evidence.ndjson && relance verify evidence.ndjson"
        );
    }
}
