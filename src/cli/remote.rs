//! A server as a client sees it: for the commands that use the API and nothing else, from whatever machine.

use std::time::Duration;

use serde_json::Value;

use super::Failure;
use crate::{
    clock::Clock,
    domain::ids::Mode,
    outbound::{
        address::Policy,
        net::{Answer, Deadlines, Method, Net, RequestBuilder},
    },
};

/// The longest answer that is read: a page of two hundred events.
const LONGEST: usize = 4 * 1024 * 1024;

/// Which server, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct Remote {
    /// The server's address.
    #[arg(long, env = "RELANCE_API", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    api: String,
    /// A key of the tenant.
    #[arg(long, env = "RELANCE_KEY", hide_env_values = true)]
    key: String,
    /// Print JSON, one value a line.
    #[arg(long)]
    pub json: bool,
}

/// A connection to it.
#[derive(Debug)]
pub struct Api {
    net: Net,
    base: String,
    key: String,
    pub clock: Clock,
}

impl Remote {
    /// Does `work` with a connection, on this thread, until it is done or Ctrl-C.
    pub fn run(&self, work: impl AsyncFnOnce(&Api) -> Result<(), Failure>) -> Result<(), Failure> {
        let deadlines = Deadlines { connect: Duration::from_secs(5), total: Duration::from_secs(75) };
        let net = Net::new(Policy { allow_private: true }, deadlines).map_err(|error| error.to_string())?;
        let api = Api { net, base: self.api.trim_end_matches('/').to_owned(), key: self.key.clone(), clock: Clock::system() };
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            tokio::select! {
                outcome = work(&api) => outcome,
                stopped = tokio::signal::ctrl_c() => stopped.map_err(Failure::from),
            }
        })
    }

    /// Whether the key can do no harm.
    ///
    /// # Errors
    /// For a key of live mode.
    pub fn only_in_test_mode(&self) -> Result<(), Failure> {
        if self.key.starts_with("rlk_test_") { Ok(()) } else { Err("this needs a test key (rlk_test_…)".to_owned().into()) }
    }
}

impl Api {
    /// Asks for something.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        let request = self.begin(Method::GET, path)?;
        self.answer(request).await
    }

    /// Has something done; a server that can be waited for is given a minute.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.begin(Method::POST, path)?.header("Prefer", "wait=60").json(body);
        self.answer(request).await
    }

    /// Posts a body that is not for the API, and returns its status, or why there is none.
    pub async fn forward(&self, url: &str, headers: &[(&str, String)], body: Vec<u8>) -> Result<u16, String> {
        let mut request = self.net.post(Mode::Test, url).map_err(|error| error.to_string())?.header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = self.net.call(request.body(body), self.clock.now()).await.map_err(|error| error.to_string())?;
        Ok(answer.status)
    }

    fn begin(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let url = format!("{}{path}", self.base);
        let request = self.net.request(method, Mode::Test, &url).map_err(|error| format!("{}: {error}", self.base))?;
        Ok(request.bearer_auth(&self.key))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let answer = self.net.call_for(request, self.clock.now(), LONGEST).await.map_err(|error| format!("{}: {error}", self.base))?;
        let body = answer.json();
        match body {
            Some(body) if (200..300).contains(&answer.status) => Ok(body),
            body => Err(sentences(&answer, body.as_ref()).into()),
        }
    }
}

/// A problem, in the server's own words: what is wrong, and each fault with its place.
fn sentences(answer: &Answer, problem: Option<&Value>) -> Vec<String> {
    let word = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some((problem, title)) = problem.and_then(|problem| Some((problem, word(problem, "title")?))) else {
        return vec![answer.summary()];
    };
    let mut said = vec![format!("{title}: {}", word(problem, "detail").unwrap_or_default())];
    for fault in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        said.push(format!("{} {}", word(fault, "pointer").unwrap_or_default(), word(fault, "detail").unwrap_or_default()));
    }
    said
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let answer =
            Answer { status: 422, retry_after: None, headers: reqwest::header::HeaderMap::default(), body: Some(b"<html>".to_vec()) };
        let problem = json!({"title": "A rule is broken", "detail": "1 fault", "errors": [{"pointer": "/total", "detail": "is too much"}]});
        assert_eq!(sentences(&answer, Some(&problem)), ["A rule is broken: 1 fault", "/total is too much"]);
        assert_eq!(sentences(&answer, None), ["HTTP 422 <html>"]);
    }
}
