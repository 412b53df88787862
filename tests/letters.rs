//! Letters, end to end: printed, handed to an account that carries them, followed through the post, proved; and given to a person wherever that cannot be.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use relance::domain::ids::Mode;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    on_both,
    support::{
        App, Reply, Tenant,
        dunning::later,
        ledger::{journal, partition},
        scripted::Scripted,
    },
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A creditor with an address, whose policy has these steps, at any hour of any day.
async fn creditor(app: &App, live: bool, steps: Value) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    let key = if live { &tenant.live } else { &tenant.test };
    let letterhead = json!({"address": ["12 rue de la Paix", "75002 Paris"], "registration": "RCS Paris 732 829 320"});
    app.patch("/v1/tenant", key, json!({"letterhead": letterhead})).await.expect(200);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let window = json!({"weekdays": days, "start": "00:00", "end": "23:59", "skip_holidays": false});
    let policy = json!({"name": "By letter", "scope": {"priority": 900}, "contact": {"window": window, "min_gap_days": 0, "caps": []}, "steps": steps});
    let made = app.post("/v1/policies", key, json!({"document": policy})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), key, json!({"version": 1})).await.expect(200);
    app.patch("/v1/tenant", key, json!({"working_time": {"working_days": days, "holidays": []}})).await.expect(200);
    tenant
}

/// An account of the rehearsal that carries letters.
async fn with_post(app: &App, tenant: &Tenant) {
    let account = json!({"name": "Post", "settings": {"kind": "sandbox"}, "channels": ["letter"]});
    app.post("/v1/provider-accounts", &tenant.test, account).await.expect(201);
}

fn by_letter() -> Value {
    json!([{"key": "letter", "offset_days": 3, "channel": "letter", "template": "letter_reminder", "post": "registered"}])
}

/// A debtor at an address who owes since the 20th of February.
async fn debtor(app: &App, key: &str, address: Value, email: &str) -> String {
    let contact = json!({"name": "Ann Martin", "email": email, "primary": true});
    let body = json!({"name": "Garage Dupont", "number": "C-1001", "kind": "business", "address": address, "contacts": [contact]});
    let customer = app.post("/v1/customers", key, body).await.expect(201)["id"].as_str().unwrap().to_owned();
    app.owes(key, &customer, &format!("F-{}", &customer[20..]), "2026-02-20").await;
    customer
}

fn at(city: &str) -> Value {
    json!({"lines": ["3 rue du Port"], "postal_code": "59000", "city": city})
}

/// The one letter to a customer.
async fn letter(app: &App, key: &str, customer: &str) -> Value {
    let found = app.list(key, &format!("/v1/messages?customer_id={customer}&channel=letter")).await;
    assert_eq!(found.len(), 1, "{found:?}");
    app.get(&format!("/v1/messages/{}", found[0]["id"].as_str().unwrap()), key).await.expect(200)
}

async fn tasks(app: &App, key: &str, customer: &str) -> Vec<(String, Value)> {
    let tasks = app.list(key, &format!("/v1/tasks?customer_id={customer}")).await;
    tasks.iter().map(|task| (task["kind"].as_str().unwrap().to_owned(), task["reason"].clone())).collect()
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

on_both! {
    async fn a_formal_letter_is_followed_to_the_signature(app: App) {
        let steps = json!([{"key": "first", "offset_days": 3, "channel": "email", "template": "first_reminder"},
            {"key": "formal", "offset_days": 14, "channel": "letter", "template": "formal_notice", "formal": true, "deadline_days": 7}]);
        let tenant = creditor(&app, false, steps).await;
        with_post(&app, &tenant).await;
        let customer = debtor(&app, &tenant.test, at("Lille"), "ann@client.example").await;
        app.advance(&tenant, &later(12, 0)).await;
        let posted = letter(&app, &tenant.test, &customer).await;
        assert_eq!((&posted["state"], &posted["address"]), (&json!("accepted"), &json!("Garage Dupont, 3 rue du Port, 59000 Lille, FR")));
        app.advance(&tenant, &later(20, 0)).await;
        let seen = letter(&app, &tenant.test, &customer).await;
        assert_eq!((&seen["delivery_status"], &seen["evidence_grade"]), (&json!("delivered"), &json!("signed_receipt")), "{seen}");
        let mut stages: Vec<&str> = seen["receipts"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
        stages.sort_unstable();
        assert_eq!(stages, ["awaiting_pickup", "delivered", "presented", "sent"]);
        let proofs = seen["proofs"].as_array().unwrap();
        assert_eq!(proofs.iter().map(|proof| proof["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["deposit", "signed_receipt"]);
        let entries = journal(&app, partition(&tenant, Mode::Test));
        for paper in proofs.iter().chain([&seen["letter"]]) {
            let path = format!("/v1/documents/{}/content", paper["document_id"].as_str().unwrap());
            let bytes = app.fetch(&path, &tenant.test).await.unwrap();
            assert!(bytes.starts_with(b"%PDF-1.4") && sha256(&bytes) == paper["sha256"], "{paper}");
            assert!(entries.iter().any(|(.., body)| body.contains(paper["sha256"].as_str().unwrap())), "{paper}");
            let other = app.tenant("Other").await;
            for key in [&other.live, &other.test, &tenant.live] {
                assert_eq!(app.get(&path, key).await.status, 404);
            }
        }
        assert_eq!(seen["letter"]["sha256"], seen["content"]["sha256"]);
        assert_eq!(entries.iter().filter(|(kind, ..)| kind == "message.proof").count(), 2);
        let sent = entries.iter().find(|(kind, _, body)| kind == "message.dispatched" && body.contains("letter")).unwrap();
        assert!(sent.2.contains("registered"), "{}", sent.2);
        assert!(!tasks(&app, &tenant.test, &customer).await.iter().any(|(kind, _)| kind == "letter"));
    }

    async fn without_an_account_a_person_posts_it(app: App) {
        let tenant = creditor(&app, false, by_letter()).await;
        let customer = debtor(&app, &tenant.test, at("Lille"), "ann@client.example").await;
        app.settle(&tenant, Mode::Test).await;
        assert!(app.list(&tenant.test, "/v1/messages").await.is_empty());
        assert_eq!(tasks(&app, &tenant.test, &customer).await, [("letter".to_owned(), Value::Null)]);
        let (_, rules) = app.rules(&tenant.test, &customer).await;
        assert!(!rules.contains(&"address_incomplete".to_owned()), "{rules:?}");
    }

    async fn an_incomplete_address_is_named_and_a_person_posts_it(app: App) {
        let tenant = creditor(&app, false, json!([{"key": "letter", "offset_days": 20, "channel": "letter", "template": "letter_reminder"}])).await;
        with_post(&app, &tenant).await;
        let customer = debtor(&app, &tenant.test, json!({"lines": ["3 rue du Port"], "city": "Lille"}), "ann@client.example").await;
        app.settle(&tenant, Mode::Test).await;
        let (account, rules) = app.rules(&tenant.test, &customer).await;
        assert!(rules.contains(&"address_incomplete".to_owned()), "{rules:?}");
        assert!(account.to_string().contains("an address is incomplete: postal_code missing"), "{account}");
        app.advance(&tenant, &later(12, 0)).await;
        assert!(app.list(&tenant.test, "/v1/messages").await.is_empty());
        assert_eq!(tasks(&app, &tenant.test, &customer).await, [("letter".to_owned(), json!("address_incomplete: postal_code"))]);
    }

    async fn each_town_has_its_fate(app: App) {
        let tenant = creditor(&app, false, by_letter()).await;
        with_post(&app, &tenant).await;
        let fates = [
            ("Nowhere", "accepted", "undelivered", "posted", "letter_returned"),
            ("Refused", "accepted", "refused", "presented", "letter_refused"),
            ("Unclaimed", "accepted", "unclaimed", "presented", "letter_unclaimed"),
            ("fail", "rejected", "", "", "delivery_failed"),
            ("lost", "unknown", "", "", "outcome_unknown"),
        ];
        let mut made = Vec::new();
        for (town, ..) in fates {
            made.push(debtor(&app, &tenant.test, at(town), "ann@client.example").await);
        }
        app.advance(&tenant, &later(20, 0)).await;
        for ((town, state, status, grade, review), customer) in fates.iter().zip(&made) {
            let seen = letter(&app, &tenant.test, customer).await;
            let word = |field: &str| seen[field].as_str().unwrap_or_default().to_owned();
            let found = (word("state"), word("delivery_status"), word("evidence_grade"));
            assert_eq!(found, ((*state).to_owned(), (*status).to_owned(), (*grade).to_owned()), "{town}");
            assert!(tasks(&app, &tenant.test, customer).await.contains(&("review".to_owned(), json!(review))), "{town}");
        }
        assert!(app.list(&tenant.test, "/v1/suppressions").await.is_empty(), "a letter that returns suppresses nothing");
    }

    async fn a_formal_mail_that_is_refused_goes_by_letter(app: App) {
        let steps = json!([{"key": "first", "offset_days": 3, "channel": "letter", "template": "letter_reminder"},
            {"key": "formal", "offset_days": 14, "channel": "email", "fallback": "letter", "template": "formal_notice", "formal": true, "deadline_days": 7}]);
        let tenant = creditor(&app, false, steps).await;
        with_post(&app, &tenant).await;
        let customer = debtor(&app, &tenant.test, at("Lille"), "fail@client.example").await;
        app.advance(&tenant, &later(20, 0)).await;
        let mut sent: Vec<(String, String)> = app.list(&tenant.test, "/v1/messages").await.iter()
            .map(|one| (one["channel"].as_str().unwrap().to_owned(), one["delivery_status"].as_str().unwrap_or("none").to_owned())).collect();
        sent.sort();
        let expected = [("email", "none"), ("letter", "delivered"), ("letter", "sent")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(sent, expected, "simple first, registered for the formal one");
        assert!(!tasks(&app, &tenant.test, &customer).await.iter().any(|(kind, _)| kind == "letter"));
    }

    async fn what_cannot_be_printed_is_said(app: App) {
        let tenant = creditor(&app, false, by_letter()).await;
        with_post(&app, &tenant).await;
        let customer = debtor(&app, &tenant.test, at("北京"), "ann@client.example").await;
        app.settle(&tenant, Mode::Test).await;
        let seen = letter(&app, &tenant.test, &customer).await;
        assert!(seen["state"] == "rejected" && seen["failure"].as_str().unwrap().contains("U+5317"), "{seen}");
        assert_eq!(tasks(&app, &tenant.test, &customer).await, [("review".to_owned(), json!("unwritable"))]);
    }

    async fn a_gateway_gets_the_pages_and_sends_the_proof(app: App) {
        let tenant = creditor(&app, true, by_letter()).await;
        let gateway = Scripted::answering(Some(202));
        let mut account = gateway.account("Print shop", 1);
        account["channels"] = json!(["letter"]);
        let made = app.post("/v1/provider-accounts", &tenant.live, account).await.expect(201);
        let path = made["account"]["receipt_url"].as_str().unwrap().strip_prefix(&app.url).unwrap().to_owned();
        let customer = debtor(&app, &tenant.live, at("Lille"), "ann@client.example").await;
        app.settle(&tenant, Mode::Live).await;
        let taken = gateway.asked("message.send").remove(0)["data"].clone();
        assert_eq!((&taken["channel"], &taken["service"], &taken["to"]["name"], &taken["to"]["attention"]), (&json!("letter"), &json!("registered"), &json!("Garage Dupont"), &json!("Ann Martin")));
        assert_eq!((&taken["to"]["postal_code"], &taken["to"]["country"], &taken["from"]["city"]), (&json!("59000"), &json!("FR"), &json!("Paris")));
        let pages = BASE64.decode(taken["pdf_base64"].as_str().unwrap().as_bytes()).unwrap();
        let seen = letter(&app, &tenant.live, &customer).await;
        assert_eq!(json!(sha256(&pages)), seen["content"]["sha256"]);
        assert!(pages.windows(10).any(|part| part == b"/FontFile2"), "fonts are embedded");
        let id = seen["id"].clone();
        let deliver = async |name: &str, kind: &str, data: Value| -> Reply {
            let body = json!({"type": format!("message.{kind}"), "data": data}).to_string();
            let stamp = app.clock.now().timestamp();
            let signature = Webhook::new(SECRET).unwrap().sign(name, stamp, body.as_bytes()).unwrap();
            let headers = [("webhook-id", name), ("webhook-timestamp", &stamp.to_string()), ("webhook-signature", &signature)];
            app.raw("POST", &path, &headers, body).await
        };
        assert_eq!(deliver("e1", "presented", json!({"message_id": id})).await.status, 204);
        let scan = [b"%PDF-1.7 ".as_slice(), &vec![b'x'; 2_000_000]].concat();
        let proof = json!({"message_id": id, "kind": "signed_receipt", "media_type": "application/pdf", "content_base64": BASE64.encode(&scan)});
        for name in ["e2", "e2", "e3"] {
            assert_eq!(deliver(name, "proof", proof.clone()).await.status, 204, "larger than other receipts may be");
        }
        let broken = json!({"message_id": id, "kind": "deposit", "media_type": "application/pdf", "content_base64": "%"});
        assert_eq!(deliver("e4", "proof", broken).await.status, 204);
        assert_eq!(deliver("e5", "delivered", json!({"message_id": id})).await.status, 204);
        app.settle(&tenant, Mode::Live).await;
        let seen = letter(&app, &tenant.live, &customer).await;
        assert_eq!((&seen["delivery_status"], &seen["evidence_grade"]), (&json!("delivered"), &json!("signed_receipt")));
        let proofs = seen["proofs"].as_array().unwrap();
        assert_eq!((proofs.len(), &proofs[0]["sha256"]), (1, &json!(sha256(&scan))), "the same one counts once");
        let count = |kind: &str| journal(&app, partition(&tenant, Mode::Live)).iter().filter(|entry| entry.0 == kind).count();
        assert_eq!((count("message.proof"), count("receipt.proof_missed")), (1, 0));
        for _ in 0..10 {
            app.clock.advance(chrono::TimeDelta::days(1));
            app.settle(&tenant, Mode::Live).await;
        }
        assert_eq!(count("receipt.proof_missed"), 1, "what cannot be had is given up, and said");
    }

    async fn whoever_carries_more_is_asked_for_letters_by_name(app: App) {
        let tenant = app.tenant("Atelier").await;
        let gateway = Scripted::answering(Some(202));
        let made = app.post("/v1/provider-accounts", &tenant.live, gateway.account("All", 1)).await.expect(201);
        assert_eq!(made["account"]["channels"], json!(["email", "sms"]));
        assert_eq!(made["account"]["capabilities"]["channels"], json!(["email", "sms", "letter"]));
    }
}
