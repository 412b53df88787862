//! `relance clock` and `relance trigger`: a rehearsal in test mode, from the command line. Neither touches anything but test data.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    Failure,
    remote::{Api, Remote},
};

/// The test tenant's clock.
#[derive(Debug, clap::Subcommand)]
pub enum ClockCommand {
    /// Show the present.
    Show {
        #[command(flatten)]
        remote: Remote,
    },
    /// Let time pass, and everything that falls due in it happen.
    Advance {
        #[command(flatten)]
        remote: Remote,
        /// How far (`14d`, `36h`), or the moment (`2027-01-15T09:00:00Z`).
        #[arg(value_name = "HOW FAR", value_parser = how_far)]
        to: HowFar,
    },
}

/// Makes an event happen, with whatever must be there for it.
#[derive(Debug, clap::Args)]
pub struct Trigger {
    #[command(flatten)]
    remote: Remote,
    /// What is to happen.
    event: Event,
}

/// Events that a few calls can bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Event {
    #[value(name = "customer.created")]
    CustomerCreated,
    #[value(name = "invoice.created")]
    InvoiceCreated,
    #[value(name = "payment.recorded")]
    PaymentRecorded,
    #[value(name = "promise.recorded")]
    PromiseRecorded,
    #[value(name = "promise.broken")]
    PromiseBroken,
    #[value(name = "dispute.opened")]
    DisputeOpened,
    #[value(name = "hold.placed")]
    HoldPlaced,
    #[value(name = "message.delivered")]
    MessageDelivered,
}

/// From here, or to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowFar {
    By(TimeDelta),
    To(DateTime<Utc>),
}

fn how_far(text: &str) -> Result<HowFar, String> {
    let number = |rest: &str| rest.parse::<i64>().ok().filter(|count| (1..=17_600).contains(count));
    let by = if let Some(days) = text.strip_suffix('d').and_then(number) {
        TimeDelta::try_days(days)
    } else {
        text.strip_suffix('h').and_then(number).and_then(TimeDelta::try_hours)
    };
    match (by, text.parse::<DateTime<Utc>>()) {
        (Some(by), _) => Ok(HowFar::By(by)),
        (None, Ok(to)) => Ok(HowFar::To(to)),
        (None, Err(_)) => Err("write days (14d), hours (36h) or a moment (2027-01-15T09:00:00Z)".to_owned()),
    }
}

impl ClockCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Show { remote } => remote.run(async |api| show(remote, &api.get("/v1/test-clock").await?, "at")),
            Self::Advance { remote, to } => {
                remote.only_in_test_mode()?;
                remote.run(async |api| show(remote, &advance(api, *to).await?, "at"))
            }
        }
    }
}

impl Trigger {
    pub(super) fn run(&self) -> Result<(), Failure> {
        self.remote.only_in_test_mode()?;
        self.remote.run(async |api| show(&self.remote, &bring_about(api, self.event).await?, "id"))
    }
}

/// Moves the clock, and waits until it has arrived.
async fn advance(api: &Api, how_far: HowFar) -> Result<Value, Failure> {
    let to = match how_far {
        HowFar::To(to) => to,
        HowFar::By(by) => present(api).await?.checked_add_signed(by).ok_or_else(|| "that is too far".to_owned())?,
    };
    let mut clock = api.post("/v1/test-clock/advance", &json!({"to": to})).await?;
    while clock.get("status").is_some_and(|status| status != "ready") {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        clock = api.get("/v1/test-clock").await?;
    }
    Ok(clock)
}

async fn present(api: &Api) -> Result<DateTime<Utc>, Failure> {
    let clock = api.get("/v1/test-clock").await?;
    let at = clock.get("at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    at.ok_or_else(|| "the server does not say what time it is".to_owned().into())
}

/// The calls that lead to an event; the answer of the last one.
async fn bring_about(api: &Api, event: Event) -> Result<Value, Failure> {
    let now = present(api).await?;
    let day = |days: i64| TimeDelta::try_days(days).and_then(|by| now.checked_add_signed(by)).unwrap_or(now).date_naive();
    let mark = now.timestamp_micros();
    let contact = json!({"name": "Anne Martin", "email": "anne.martin@client.example", "primary": true});
    let customer = json!({"name": format!("Triggered {mark}"), "kind": "business", "contacts": [contact]});
    let customer = api.post("/v1/customers", &customer).await?;
    if event == Event::CustomerCreated {
        return Ok(customer);
    }
    let invoice = json!({"customer_id": customer.get("id"), "number": format!("T-{mark}"), "issue_date": day(-40), "due_date": day(-10),
        "currency": "EUR", "total": 120_000});
    let invoice = api.post("/v1/invoices", &invoice).await?;
    let of_customer = json!({"customer_id": customer.get("id"), "currency": "EUR", "amount": 120_000});
    let with = |more: Value| {
        let both = [&of_customer, &more].into_iter().filter_map(Value::as_object).flatten();
        both.map(|(name, value)| (name.clone(), value.clone())).collect::<Value>()
    };
    match event {
        Event::CustomerCreated | Event::InvoiceCreated => Ok(invoice),
        Event::PaymentRecorded => api.post("/v1/payments", &with(json!({"received_on": day(0)}))).await,
        Event::PromiseRecorded => api.post("/v1/promises", &with(json!({"due_on": day(7)}))).await,
        Event::PromiseBroken => {
            let promise = api.post("/v1/promises", &with(json!({"due_on": day(1)}))).await?;
            advance(api, HowFar::By(TimeDelta::days(10))).await?;
            api.get(&format!("/v1/promises/{}", promise.get("id").and_then(Value::as_str).unwrap_or_default())).await
        }
        Event::DisputeOpened => api.post("/v1/disputes", &json!({"invoice_id": invoice.get("id"), "reason": "quality"})).await,
        Event::HoldPlaced => {
            let hold = json!({"customer_id": customer.get("id"), "reason": "triggered", "until": day(7)});
            api.post("/v1/holds", &hold).await
        }
        Event::MessageDelivered => {
            advance(api, HowFar::By(TimeDelta::days(7))).await?;
            Ok(invoice)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer is the output")]
fn show(remote: &Remote, answer: &Value, word: &str) -> Result<(), Failure> {
    match answer.get(word).and_then(Value::as_str) {
        Some(word) if !remote.json => println!("{word}"),
        _ => println!("{answer}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn time_is_written_as_people_do() {
        assert_eq!(how_far("14d"), Ok(HowFar::By(TimeDelta::days(14))));
        assert_eq!(how_far("36h"), Ok(HowFar::By(TimeDelta::hours(36))));
        assert_eq!(how_far("2027-01-15T09:00:00Z"), Ok(HowFar::To("2027-01-15T09:00:00Z".parse().unwrap())));
        for wrong in ["", "d", "-3d", "0h", "soon", "99999999999d"] {
            assert!(how_far(wrong).is_err(), "{wrong}");
        }
    }

    /// Whatever can be triggered is an event that is told.
    #[test]
    fn every_event_that_can_be_triggered_is_known() {
        for event in Event::value_variants() {
            let name = event.to_possible_value().unwrap().get_name().to_owned();
            assert!(name.parse::<crate::domain::event::EventType>().is_ok(), "{name}");
        }
    }
}
