//! Endpoints are told what happens: signed, once each, patiently, and from wherever they were left.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use relance::{
    config::Rates,
    domain::{delivery::DeliveryStatus, event::EventType, ids::Mode},
    http,
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both,
    support::{App, Tenant, database, dunning::later},
};

/// One post as it arrived.
#[derive(Debug, Clone)]
struct Post {
    headers: BTreeMap<String, String>,
    body: String,
}

impl Post {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap().to_owned()
    }

    /// Whether a holder of `secret` believes it: the specification's own library computes the signature.
    fn is_signed_with(&self, secret: &str) -> bool {
        let stamp = self.headers["webhook-timestamp"].parse().unwrap();
        let expected = Webhook::new(secret).unwrap().sign(&self.headers["webhook-id"], stamp, self.body.as_bytes()).unwrap();
        self.headers["webhook-signature"].split(' ').any(|given| given == expected)
    }
}

/// A receiver on the loopback.
struct Receiver {
    url: String,
    answer: Arc<Mutex<(u16, &'static str)>>,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Receiver {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let (answer, posts) = (Arc::new(Mutex::new((200, ""))), Arc::new(Mutex::new(Vec::new())));
        let (script, book) = (Arc::clone(&answer), Arc::clone(&posts));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let Some(post) = read(&mut connection) else { continue };
                let (status, header) = *script.lock().unwrap();
                if (200..300).contains(&status) {
                    book.lock().unwrap().push(post);
                }
                let answer = format!("HTTP/1.1 {status} So\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n");
                connection.write_all(answer.as_bytes()).ok();
            }
        });
        Self { url, answer, posts }
    }

    fn answers(&self, status: u16, header: &'static str) {
        *self.answer.lock().unwrap() = (status, header);
    }

    /// What it took since the last call.
    fn taken(&self) -> Vec<Post> {
        std::mem::take(&mut *self.posts.lock().unwrap())
    }
}

fn read(connection: &mut TcpStream) -> Option<Post> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let headers: BTreeMap<String, String> = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            if body.len() >= headers.get("content-length")?.parse::<usize>().ok()? {
                return Some(Post { headers, body: body.to_owned() });
            }
        }
        let count = connection.read(&mut part).ok()?;
        if count == 0 {
            return None;
        }
        request.extend_from_slice(&part[..count]);
    }
}

/// An endpoint of the test mode, and its secret.
async fn endpoint(app: &App, tenant: &Tenant, url: &str, types: &[&str]) -> (String, String) {
    let made = app.post("/v1/webhook-endpoints", &tenant.test, json!({"url": url, "event_types": types})).await.expect(201);
    (made["endpoint"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

async fn customer(app: &App, tenant: &Tenant, name: &str) -> String {
    let made = app.post("/v1/customers", &tenant.test, json!({"name": name, "kind": "business"})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn advance(app: &App, tenant: &Tenant, to: &str) {
    app.post("/v1/test-clock/advance", &tenant.test, json!({"to": to})).await.expect(202);
    app.settle(tenant, Mode::Test).await;
}

fn about(posts: &[Post]) -> BTreeSet<String> {
    posts.iter().map(|post| post.event()["data"]["id"].as_str().unwrap().to_owned()).collect()
}

/// What is published is told: each type is named where something happens, or is the report of a delivery.
#[test]
fn every_type_of_event_has_its_occasion() {
    let told = sources("src/actions");
    let reported: BTreeSet<&str> = DeliveryStatus::ALL.iter().map(|status| status.event()).collect();
    for kind in EventType::ALL {
        let named = told.contains(&format!("\"{kind}\"")) || told.contains(&format!("EventType::{kind:?}"));
        assert!(named || reported.contains(kind.as_str()), "nothing tells of {kind}");
    }
}

fn sources(folder: &str) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { sources(path.to_str().unwrap()) } else { std::fs::read_to_string(path).unwrap() }).collect()
}

on_both! {
    async fn what_an_endpoint_wants_it_is_told_once_and_signed(app: App) {
        let tenant = app.tenant("Told").await;
        let receiver = Receiver::open();
        customer(&app, &tenant, "before anybody listened").await;
        let (id, secret) = endpoint(&app, &tenant, &receiver.url, &["customer.created", "hold.placed"]).await;
        let told = customer(&app, &tenant, "told").await;
        app.patch(&format!("/v1/customers/{told}"), &tenant.test, json!({"name": "not told"})).await.expect(200);
        app.settle(&tenant, Mode::Test).await;
        app.settle(&tenant, Mode::Test).await;
        let posts = receiver.taken();
        assert_eq!(posts.len(), 1, "{posts:?}");
        assert!(posts[0].is_signed_with(&secret) && !posts[0].is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let event = posts[0].event();
        assert_eq!((&event["type"], &event["data"]["id"], &event["livemode"]), (&json!("customer.created"), &json!(told), &json!(false)));
        assert_eq!(event["id"], posts[0].headers["webhook-id"]);
        assert!(!posts[0].body.contains("told\""), "personal data stays in the house: {}", posts[0].body);
        let same = app.get(&format!("/v1/events/{}", event["id"].as_str().unwrap()), &tenant.test).await.expect(200);
        assert_eq!(same, event, "the feed has the same payload");

        let log = app.get(&format!("/v1/webhook-endpoints/{id}/deliveries"), &tenant.test).await.expect(200);
        assert_eq!((&log["data"][0]["state"], &log["data"][0]["tries"][0]["status"]), (&json!("delivered"), &json!(200)), "{log}");
        let delivery = log["data"][0]["id"].as_str().unwrap();
        app.post(&format!("/v1/webhook-deliveries/{delivery}/redeliver"), &tenant.test, Value::Null).await.expect(202);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(receiver.taken()[0].headers["webhook-id"], posts[0].headers["webhook-id"], "again, under the same id");

        app.post(&format!("/v1/webhook-endpoints/{id}/test"), &tenant.test, Value::Null).await.expect(202);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(receiver.taken().iter().map(Post::kind).collect::<Vec<_>>(), ["webhook_endpoint.tested"]);
    }

    async fn while_a_secret_is_rotated_both_sign(app: App) {
        let tenant = app.tenant("Rotating").await;
        let receiver = Receiver::open();
        let (id, old) = endpoint(&app, &tenant, &receiver.url, &[]).await;
        let rotate = format!("/v1/webhook-endpoints/{id}/rotate-secret");
        let new = app.post(&rotate, &tenant.test, json!({"overlap_seconds": 3600})).await.expect(201)["secret"].as_str().unwrap().to_owned();
        customer(&app, &tenant, "during").await;
        app.settle(&tenant, Mode::Test).await;
        let posts = receiver.taken();
        assert!(!posts.is_empty() && posts.iter().all(|post| post.is_signed_with(&old) && post.is_signed_with(&new)));
        app.clock.advance(chrono::TimeDelta::seconds(3_601));
        customer(&app, &tenant, "after").await;
        app.settle(&tenant, Mode::Test).await;
        let posts = receiver.taken();
        assert!(!posts.is_empty() && posts.iter().all(|post| !post.is_signed_with(&old) && post.is_signed_with(&new)));
    }

    async fn a_receiver_that_was_down_misses_nothing(app: App) {
        for (hours, by_itself) in [(1, true), (24, true), (80, false)] {
            let tenant = app.tenant(&format!("Down for {hours} hours")).await;
            let receiver = Receiver::open();
            let (id, _) = endpoint(&app, &tenant, &receiver.url, &["customer.created"]).await;
            receiver.answers(503, "");
            let mut made = BTreeSet::from([customer(&app, &tenant, "first").await]);
            app.settle(&tenant, Mode::Test).await;
            if hours > 1 {
                advance(&app, &tenant, &later(0, hours / 2)).await;
            }
            made.insert(customer(&app, &tenant, "second").await);
            app.settle(&tenant, Mode::Test).await;
            advance(&app, &tenant, &later(0, hours)).await;
            assert!(receiver.taken().is_empty());
            receiver.answers(204, "");
            if !by_itself {
                let failed = app.get(&format!("/v1/webhook-endpoints/{id}/deliveries?state=failed"), &tenant.test).await.expect(200);
                assert_eq!(failed["data"].as_array().unwrap().len(), 1, "the first was given up after three days: {failed}");
                assert_eq!(failed["data"][0]["tries"].as_array().unwrap().len(), 10);
                app.post(&format!("/v1/webhook-endpoints/{id}/replay"), &tenant.test, json!({"since": later(0, 0)})).await.expect(202);
            }
            advance(&app, &tenant, &later(0, hours + 24)).await;
            let posts = receiver.taken();
            assert_eq!((posts.len(), about(&posts)), (2, made), "each once, after {hours} hours");
        }
    }

    async fn who_is_gone_or_out_of_reach_for_days_is_told_no_more(app: App) {
        let tenant = app.tenant("Silent").await;
        let (gone, lost) = (Receiver::open(), Receiver::open());
        let (gone_id, _) = endpoint(&app, &tenant, &gone.url, &["customer.created"]).await;
        let (lost_id, _) = endpoint(&app, &tenant, &lost.url, &["customer.created", "webhook_endpoint.disabled"]).await;
        gone.answers(410, "");
        lost.answers(500, "");
        customer(&app, &tenant, "first").await;
        app.settle(&tenant, Mode::Test).await;
        let state = async |id: &str| {
            let view = app.get(&format!("/v1/webhook-endpoints/{id}"), &tenant.test).await.expect(200);
            (view["state"].as_str().unwrap().to_owned(), view["disabled_because"].clone())
        };
        assert_eq!(state(&gone_id).await, ("disabled".to_owned(), json!("it answered 410 Gone")));
        for day in 1..=5 {
            advance(&app, &tenant, &later(day, 0)).await;
            assert_eq!(state(&lost_id).await.0, "active", "day {day}");
            customer(&app, &tenant, &format!("day {day}")).await;
        }
        advance(&app, &tenant, &later(5, 1)).await;
        assert_eq!(state(&lost_id).await, ("disabled".to_owned(), json!("nothing reached it for five days")));
        let refused = app.post(&format!("/v1/webhook-endpoints/{lost_id}/test"), &tenant.test, Value::Null).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("endpoint_disabled")));
        lost.answers(200, "");
        app.post(&format!("/v1/webhook-endpoints/{lost_id}/enable"), &tenant.test, Value::Null).await.expect(200);
        app.post(&format!("/v1/webhook-endpoints/{lost_id}/replay"), &tenant.test, json!({"since": later(0, 0)})).await.expect(202);
        app.settle(&tenant, Mode::Test).await;
        assert_eq!(lost.taken().iter().filter(|post| post.kind() == "customer.created").count(), 6, "all that it missed");
    }

    async fn whoever_wants_to_be_left_alone_is(app: App) {
        let tenant = app.tenant("Busy").await;
        let receiver = Receiver::open();
        endpoint(&app, &tenant, &receiver.url, &["customer.created"]).await;
        receiver.answers(429, "retry-after: 7200\r\n");
        customer(&app, &tenant, "first").await;
        app.settle(&tenant, Mode::Test).await;
        receiver.answers(200, "");
        advance(&app, &tenant, &later(0, 1)).await;
        assert!(receiver.taken().is_empty(), "it asked for two hours");
        advance(&app, &tenant, &later(0, 3)).await;
        assert_eq!(receiver.taken().len(), 1);
    }

    async fn the_feed_goes_on_where_it_was_left(app: App) {
        let tenant = app.tenant("Polled").await;
        let mut made = Vec::new();
        let mut read = Vec::new();
        let mut cursor = String::new();
        for round in 0..4 {
            for n in 0..=round {
                made.push(customer(&app, &tenant, &format!("{round}-{n}")).await);
            }
            loop {
                let page = app.get(&format!("/v1/events?type=customer.created&limit=2{cursor}"), &tenant.test).await.expect(200);
                read.extend(page["data"].as_array().unwrap().iter().map(|event| event["data"]["id"].as_str().unwrap().to_owned()));
                cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
                if page["has_more"] == json!(false) {
                    break;
                }
            }
        }
        assert_eq!(read, made);
        let unknown = app.get("/v1/events?type=customer.creatd", &tenant.test).await;
        assert!(unknown.status == 400 && unknown.text.contains("customer.created"), "{}", unknown.text);
        let of_one = app.get(&format!("/v1/events?subject={}", made[0]), &tenant.test).await.expect(200);
        assert_eq!(of_one["data"].as_array().unwrap().len(), 1);
    }
}

/// A document that knows one more version than the server: so the server's own cannot be what is told by chance.
#[actix_web::test]
async fn an_endpoint_is_told_in_the_version_that_it_is_pinned_to() {
    const OTHER: &str = "2027-03-01";
    let mut document = http::document();
    let known = document["components"]["schemas"]["ApiVersion"]["enum"].as_array_mut().unwrap();
    let newest = known[0].as_str().unwrap().to_owned();
    known.push(json!(OTHER));
    let contract = Arc::new(http::Contract::compile(&document).unwrap());
    let mut databases = vec![database::sqlite()];
    databases.extend(database::postgres());
    for database in databases {
        let app = App::start_with(database, Rates::default(), Arc::clone(&contract)).await;
        let tenant = app.tenant("Pinned").await;
        let (ours, theirs) = (Receiver::open(), Receiver::open());
        let (default_id, _) = endpoint(&app, &tenant, &ours.url, &["customer.created"]).await;
        let body = json!({"url": theirs.url, "event_types": ["customer.created"], "api_version": OTHER});
        let made = app.post("/v1/webhook-endpoints", &tenant.test, body).await.expect(201);
        let path = format!("/v1/webhook-endpoints/{default_id}");
        let pinned = app.get(&path, &tenant.test).await.expect(200);
        assert_eq!((&pinned["api_version"], &made["endpoint"]["api_version"]), (&json!(newest), &json!(OTHER)));

        let told = async |receiver: &Receiver| {
            customer(&app, &tenant, "Garage").await;
            app.settle(&tenant, Mode::Test).await;
            let post = receiver.taken().pop().unwrap();
            (post.event()["version"].as_str().unwrap().to_owned(), post.headers["relance-version"].clone())
        };
        assert_eq!(told(&ours).await, (newest.clone(), newest.clone()));
        assert_eq!(told(&theirs).await, (OTHER.to_owned(), OTHER.to_owned()));
        let changed = app.patch(&path, &tenant.test, json!({"api_version": OTHER})).await.expect(200);
        assert_eq!((&changed["api_version"], &changed["version"]), (&json!(OTHER), &json!(2)));
        ours.taken();
        assert_eq!(told(&ours).await.0, OTHER);
        let feed = app.list(&tenant.test, "/v1/events?type=customer.created").await;
        assert!(feed.iter().all(|event| event["version"] == newest), "the feed is the request's");
        for (method, at) in [("POST", "/v1/webhook-endpoints"), ("PATCH", path.as_str())] {
            let refused = app.send(method, at, &tenant.test, json!({"url": ours.url, "api_version": "2019-01-01"}), &[]).await;
            assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (400, &json!("/api_version")), "{}", refused.text);
            assert!(refused.text.contains(&newest), "{}", refused.text);
        }
    }
}
