//! `relance events tail` and `relance listen`: what happens, as it happens, from the feed; printed, or posted to a program of one's own as a webhook would be.

use std::{collections::BTreeSet, time::Duration};

use data_encoding::BASE64;
use serde_json::Value;

use super::{
    Failure,
    remote::{Api, Remote},
};
use crate::{
    domain::{crypto, event::EventType},
    outbound::signing::Signer,
};

/// How often the feed is asked for news.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks at events.
#[derive(Debug, clap::Subcommand)]
pub enum EventsCommand {
    /// Print events as they happen, until Ctrl-C.
    Tail(Tail),
}

/// Which events, and how long.
#[derive(Debug, clap::Args)]
pub struct Tail {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    which: Which,
}

/// Forwards events to a program of one's own, signed as webhooks are.
#[derive(Debug, clap::Args)]
pub struct Listen {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    which: Which,
    /// Where to post them.
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// What to sign them with; one is made, and printed, without it.
    #[arg(long, env = "RELANCE_WEBHOOK_SECRET", hide_env_values = true, value_name = "whsec_…")]
    secret: Option<String>,
}

/// A part of the feed.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only events of this type; may be repeated.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<EventType>,
    /// Begin with the oldest event of the feed, not with the next one.
    #[arg(long)]
    all: bool,
    /// End where the feed ends.
    #[arg(long)]
    once: bool,
}

impl EventsCommand {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let Self::Tail(tail) = self;
        tail.remote.run(async |api| tail.which.follow(api, async |event| print(&tail.remote, event)).await)
    }
}

impl Listen {
    #[expect(clippy::print_stderr, reason = "the secret is for whoever asked, not for the list of events")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        let secret = match &self.secret {
            Some(secret) => secret.clone(),
            None => {
                let made = format!("whsec_{}", BASE64.encode(&crypto::random::<32>().map_err(|error| error.to_string())?));
                eprintln!("signed with {made}");
                made
            }
        };
        let signer = Signer::new(&secret)?;
        self.remote.run(async |api| self.which.follow(api, async |event| self.forward(api, &signer, event).await).await)
    }

    #[expect(clippy::print_stderr, reason = "what became of it stands beside the list of events")]
    async fn forward(&self, api: &Api, signer: &Signer, event: &Value) -> Result<(), Failure> {
        print(&self.remote, event)?;
        let body = event.to_string().into_bytes();
        let headers = signer.headers(word(event, "id"), api.clock.now(), &body)?;
        match api.forward(&self.forward_to, &headers, body).await {
            Ok(status) => eprintln!("  {} answers {status}", self.forward_to),
            Err(reason) => eprintln!("  {}: {reason}", self.forward_to),
        }
        Ok(())
    }
}

impl Which {
    /// Does `each` with every event, in the order of the feed.
    async fn follow(&self, api: &Api, each: impl AsyncFn(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        let wanted: BTreeSet<&str> = self.types.iter().map(|kind| kind.as_str()).collect();
        let mut cursor = None::<String>;
        let mut old = !self.all;
        loop {
            let page = api.get(&page_after(cursor.as_deref(), &self.types)).await?;
            for event in page.get("data").and_then(Value::as_array).into_iter().flatten() {
                if !old && (wanted.is_empty() || wanted.contains(word(event, "type"))) {
                    each(event).await?;
                }
            }
            if let Some(next) = page.get("next_cursor").and_then(Value::as_str) {
                cursor = Some(next.to_owned());
            }
            if page.get("has_more") != Some(&Value::Bool(true)) {
                if self.once {
                    return Ok(());
                }
                old = false;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The page that follows; of one type the server itself can choose.
fn page_after(cursor: Option<&str>, types: &[EventType]) -> String {
    let mut query = url::form_urlencoded::Serializer::new("/v1/events?limit=200".to_owned());
    if let [only] = types {
        query.append_pair("type", only.as_str());
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    query.finish()
}

fn word<'a>(event: &'a Value, name: &str) -> &'a str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the list is the output")]
fn print(remote: &Remote, event: &Value) -> Result<(), Failure> {
    if remote.json {
        println!("{event}");
    } else {
        let data = event.get("data").map(Value::to_string).unwrap_or_default();
        println!("{} {:<24} {data}", word(event, "timestamp"), word(event, "type"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_into_the_path_as_it_must() {
        assert_eq!(page_after(None, &[]), "/v1/events?limit=200");
        assert_eq!(page_after(Some("a+b="), &[EventType::InvoiceCreated]), "/v1/events?limit=200&type=invoice.created&cursor=a%2Bb%3D");
        assert_eq!(page_after(None, &[EventType::InvoiceCreated, EventType::PromiseBroken]), "/v1/events?limit=200");
    }
}
