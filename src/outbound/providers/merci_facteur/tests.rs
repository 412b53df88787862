//! Merci Facteur's contract, held.

use super::*;
use crate::{
    domain::{
        delivery::{DeliveryStatus, ProofKind},
        ids::MessageId,
    },
    outbound::{
        About,
        bench::{self, Contract, Script, Server, Steps},
    },
};

const WEBHOOK_SECRET: &str = "secret-webhook-0123456789";
const TOKEN: Steps = &[("/getToken", 200, r#"{"success":true,"token":"tok-1","expire":1800086400}"#)];
const AT: i64 = 1_800_000_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn settings(api_base: &str) -> Settings {
    let written = json!({ "service_id": "abc123", "user_id": 17460, "api_base": api_base });
    serde_json::from_value(written).unwrap()
}

fn opened(settings: &Settings, webhook_secret: &str) -> MerciFacteur {
    let keys = Credentials { secret_key: Secret::new("hush"), webhook_secret: Secret::new(webhook_secret) };
    MerciFacteur::open(settings, Some(&keys), &bench::net()).unwrap()
}

fn adapter(api_base: &str) -> MerciFacteur {
    opened(&settings(api_base), WEBHOOK_SECRET)
}

/// A webhook as Merci Facteur posts it.
fn webhook(event: &str, detail: &Value) -> Inbound {
    let event = json!({ "name_event": event, "id_user": 17460, "date_event": AT });
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("event", &event.to_string()).append_pair("detail", &detail.to_string());
    let headers = [(SECRET, WEBHOOK_SECRET), ("content-type", "application/x-www-form-urlencoded")];
    bench::inbound("https://api.example.com/in", &headers, form.finish().as_bytes())
}

fn of(word: &str) -> Value {
    json!({ "ref_courrier": "123456-789", "id_envoi": "123", "statut_courrier": word, "ref_interne": "", "tracking_number": null })
}

pub fn vectors() -> Option<bench::Vectors> {
    Some(bench::Vectors {
        adapter: Box::new(adapter("http://127.0.0.1:1")),
        other: Box::new(opened(&settings("http://127.0.0.1:1"), "another-webhook-secret")),
        header: SECRET,
        genuine: vec![(webhook("delivered", &json!([of("distribue")])), now())],
        covers_body: false,
        covers_time: false,
    })
}

fn letter() -> Envelope {
    bench::letter(PostalService::Registered)
}

async fn send(script: Script) -> Outcome {
    let server = bench::http_after(TOKEN, script);
    adapter(&server.url).send(&letter(), now()).await
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let contract = Contract {
        open: &|base| Box::new(adapter(base)),
        envelope: letter(),
        accepted: (200, "", r#"{"success":true,"envoi_id":123,"price":{"total":{"ht":5.1}},"resume":{"nb_dest":1,"nb_page":1}}"#),
        provider_id: Some("123"),
        refused: (400, "", r#"{"success":false,"error":{"code":"INFO_ADDRESS_MISSING","text":"adresse incomplète"}}"#),
        forbidden: (401, "", r#"{"success":false,"error":{"code":"INVALID_TOKEN","text":"token"}}"#),
        limited: (429, "Retry-After: 3\r\n", ""),
        bodiless: false,
    };
    contract.hold_after(TOKEN).await;
    let cases = [
        (400, r#"{"success":false,"error":"LETTER_INVALID_BASE64_FILES"}"#, true),
        (200, r#"{"success":false,"error":{"code":"CONTENT_TOO_BIG"}}"#, true),
        (413, "", true),
        (400, r#"{"success":false,"error":{"code":"NOT_ENOUGH_CREDIT"}}"#, false),
        (403, r#"{"success":false,"error":{"code":"FORBIDDEN"}}"#, false),
        (404, "<html>", false),
        (302, "", false),
    ];
    for (status, body, of_message) in cases {
        let outcome = send(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent, suppress: None, .. } if permanent == of_message), "{body} {outcome:?}");
    }
    assert!(matches!(send(Script::Answer(400, "", r#"{"success":false,"error":{"code":"WHATEVER"}}"#)).await, Outcome::Unknown { .. }));
    let nowhere = adapter(&bench::refused());
    assert!(matches!(nowhere.send(&bench::text("+33612345678"), now()).await, Outcome::Rejected { permanent: true, .. }));
}

#[tokio::test]
async fn a_letter_that_was_taken_before_counts_as_taken() {
    for body in [
        r#"{"success":false,"error":{"code":"ANTIDOUBLON","text":"envoi déjà effectué"}}"#,
        r#"{"success":false,"error":{"code":"E42","text":"Courrier en doublon"}}"#,
        r#"{"success":false,"error":"DOUBLON_DETECTED"}"#,
    ] {
        for status in [200, 400, 409] {
            assert_eq!(send(Script::Answer(status, "", body)).await, Outcome::accepted(None), "{status} {body}");
        }
    }
}

fn form(inbound: &Inbound) -> std::collections::BTreeMap<String, String> {
    url::form_urlencoded::parse(&inbound.body).into_owned().collect()
}

fn calls(server: &Server, path: &str) -> Vec<Inbound> {
    server.requests().into_iter().filter(|request| request.url.ends_with(path)).collect()
}

#[tokio::test]
async fn what_is_sent_is_written_as_merci_facteur_wants_it() {
    let server = bench::http_after(TOKEN, Script::Answer(200, "", r#"{"success":true,"envoi_id":[7]}"#));
    let (adapter, envelope) = (adapter(&server.url), letter());
    for _ in 0..2 {
        assert_eq!(adapter.send(&envelope, now()).await, Outcome::accepted(Some("7".into())));
    }
    let [token] = calls(&server, "/getToken").try_into().unwrap();
    let header = |name: &str| token.headers[name].as_str();
    assert_eq!((token.method.as_str(), header("ww-service-id"), header("ww-timestamp")), ("GET", "abc123", "1800000000"));
    assert_eq!(header("ww-authorized-ip"), "111.111.111");
    // As `printf abc1231800000000 | openssl dgst -sha256 -hmac hush` has it.
    assert_eq!(header("ww-service-signature"), "51c71a50a00e8edc79a82945b7a2b9c5ceed3228ebe8f7fe800e3272a09a5650");
    let [first, again] = calls(&server, "/sendCourrier").try_into().unwrap();
    assert_eq!(first.body, again.body, "the same key, the same letter");
    assert_eq!((first.headers["ww-access-token"].as_str(), first.headers["ww-service-id"].as_str()), ("tok-1", "abc123"));
    assert_eq!(first.headers["content-type"], "application/x-www-form-urlencoded");
    let sent = form(&first);
    let id = envelope.message_id.to_string();
    assert!(id.len() <= 30 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "an id can be a reference");
    let expected = [("antidoublon", id.as_str()), ("idUser", "17460"), ("modeEnvoi", "lrare")];
    for (name, value) in expected {
        assert_eq!(sent[name], value);
    }
    let addresses: Value = serde_json::from_str(&sent["adress"]).unwrap();
    let to = json!({
        "civilite": "", "nom": "Ann Émile", "prenom": "", "societe": "Durand & Fils", "adresse1": "12 rue de l'Église", "adresse2": "Bâtiment B",
        "adresse3": "", "cp": "75011", "ville": "Paris", "pays": "FRANCE", "reference": id,
    });
    let from = json!({
        "civilite": "", "nom": "", "prenom": "", "societe": "Dupont SARL", "adresse1": "1 place du Marché", "adresse2": "", "adresse3": "",
        "cp": "69001", "ville": "Lyon", "pays": "FRANCE", "reference": "",
    });
    assert_eq!(addresses, json!({ "exp": from, "dest": [to] }));
    let content: Value = serde_json::from_str(&sent["content"]).unwrap();
    assert_eq!(content, json!({ "letter": { "files": "", "base64files": ["JVBERi0xLjcA/w=="] }, "photo": "", "card": "" }));
    assert_eq!(sent.len(), 5);
}

#[tokio::test]
async fn each_service_has_its_word() {
    let cases = [
        (PostalService::Simple, ReturnReceipt::Scanned, "normal", true),
        (PostalService::Tracked, ReturnReceipt::Scanned, "suivi", true),
        (PostalService::Registered, ReturnReceipt::Scanned, "lrare", false),
        (PostalService::Registered, ReturnReceipt::Paper, "lrar", false),
    ];
    for (service, return_receipt, word, reports_returns) in cases {
        let account = Settings {
            return_receipt,
            report_returns: true,
            authorized_ips: vec![Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)],
            ..settings("http://127.0.0.1:1")
        };
        let Content::Letter(letter) = bench::letter(service).content else { panic!() };
        let written = opened(&account, WEBHOOK_SECRET).form(&bench::letter(service), &letter).unwrap();
        assert!(written.contains(&("modeEnvoi", word.to_owned())), "{word}");
        assert_eq!(written.contains(&("gestionNpai", "1".to_owned())), reports_returns, "{word}");
    }
}

#[tokio::test]
async fn an_address_that_does_not_fit_is_refused_before_anything_is_asked() {
    let server = bench::http_after(TOKEN, Script::Answer(200, "", r#"{"success":true,"envoi_id":1}"#));
    let adapter = adapter(&server.url);
    let changes: [fn(&mut Letter); 7] = [
        |letter| letter.to.name = "x".repeat(91).parse().unwrap(),
        |letter| letter.to.attention = Some("x".repeat(71).parse().unwrap()),
        |letter| letter.from.lines = vec!["x".parse().unwrap(); 4],
        |letter| letter.to.city = "x".repeat(71).parse().unwrap(),
        |letter| letter.to.postal_code = "".parse().unwrap(),
        |letter| letter.to.country = "ZZ".parse().unwrap(),
        |letter| letter.pdf = std::sync::Arc::from(vec![0; MOST + 1]),
    ];
    for change in changes {
        let outcome = adapter.send(&bench::changed(PostalService::Simple, change), now()).await;
        assert!(matches!(&outcome, Outcome::Rejected { permanent: true, code, .. } if code == "unfit"), "{outcome:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_token_is_shared_and_renewed_when_it_is_refused() {
    let server = bench::http_after(TOKEN, Script::Answer(200, "", r#"{"success":true,"envoi_id":1}"#));
    let shared = adapter(&server.url);
    let (envelope, at) = (letter(), now());
    let all = futures_util::future::join_all((0..5).map(|_| shared.send(&envelope, at))).await;
    assert!(all.iter().all(|outcome| matches!(outcome, Outcome::Accepted { .. })));
    assert_eq!(calls(&server, "/getToken").len(), 1);

    let refusing = bench::http_after(TOKEN, Script::Answer(401, "", r#"{"success":false,"error":"INVALID_TOKEN"}"#));
    assert!(matches!(adapter(&refusing.url).send(&envelope, at).await, Outcome::Rejected { permanent: false, .. }));
    assert_eq!((calls(&refusing, "/getToken").len(), calls(&refusing, "/sendCourrier").len()), (2, 2));

    // Five minutes before its end, a token is no longer used.
    let server = bench::http_after(TOKEN, Script::Answer(200, "", r#"{"success":true,"envoi_id":1}"#));
    let late = adapter(&server.url);
    for (seconds, asked) in [(86_099, 1), (86_100, 2)] {
        late.send(&envelope, at).await;
        late.send(&envelope, at + TimeDelta::seconds(seconds)).await;
        assert_eq!(calls(&server, "/getToken").len(), asked);
    }
}

#[tokio::test]
async fn without_a_token_a_letter_has_not_left() {
    let asked = async |script: Script| {
        let server = bench::http(script);
        let outcome = adapter(&server.url).send(&letter(), now()).await;
        (outcome, calls(&server, "/sendCourrier").len())
    };
    for script in [Script::Answer(500, "", ""), Script::Hang, Script::Drop, Script::Flood, Script::Answer(200, "", "<html>")] {
        let (outcome, sent) = asked(script.clone()).await;
        assert!(matches!(outcome, Outcome::NotSent { .. }) && sent == 0, "{script:?} {outcome:?}");
    }
    for (status, body) in
        [(401, ""), (400, r#"{"success":false,"error":{"code":"BAD_SIGNATURE"}}"#), (200, r#"{"success":false,"error":"IP"}"#)]
    {
        let (outcome, sent) = asked(Script::Answer(status, "", body)).await;
        assert!(matches!(outcome, Outcome::Rejected { permanent: false, .. }) && sent == 0, "{status} {outcome:?}");
    }
    let (outcome, _) = asked(Script::Answer(429, "Retry-After: 9\r\n", "")).await;
    assert!(matches!(outcome, Outcome::NotSent { retry_after: Some(pause), .. } if pause.as_secs() == 9));
}

fn read(event: &str, detail: &Value) -> Vec<Report> {
    adapter("http://127.0.0.1:1").parse(&webhook(event, detail)).unwrap()
}

#[test]
fn every_word_has_its_status() {
    use DeliveryStatus::{Accepted, AwaitingPickup, Deferred, Delivered, Refused, Sent, Unclaimed, Undelivered};
    let cases = [
        ("new", "wait", Accepted),
        ("printed", "imprime", Sent),
        ("pdd", "scan_pdd", Sent),
        ("new-state", "pris_en_charge", Sent),
        ("new-state", "prix_en_charge_pays_destinataire", Sent),
        ("new-state", "traitement", Sent),
        ("new-state", "traitement_pays_destination", Sent),
        ("new-state", "transit_pays_intermediaire", Sent),
        ("new-state", "entree_douane", Sent),
        ("new-state", "sortie_douane", Sent),
        ("new-state", "retenu_douane", Deferred),
        ("new-state", "attente_presentation", Deferred),
        ("new-state", "distribution_en_cours", Sent),
        ("new-state", "probleme_resolu", Sent),
        ("new-state", "attente_au_guichet", AwaitingPickup),
        ("error", "probleme_en_cours", Deferred),
        ("error", "non_distribuable", Undelivered),
        ("error", "retour_expediteur", Undelivered),
        ("delivered", "distribue", Delivered),
        ("are", "retour_are", Delivered),
        ("pnd", "distribue_expediteur", Undelivered),
        ("pnd", "archivage_pnd", Undelivered),
        ("sended", "envoye", Sent),
        ("new-state", "accept_wait", Deferred),
        ("error", "accept_lock", Deferred),
        ("error", "accept_notification_error", Undelivered),
        ("delivered", "accepted", Delivered),
        ("delivered", "accepted_downloaded", Delivered),
        ("pnd", "expired", Unclaimed),
        ("pnd", "refused", Refused),
    ];
    for (event, word, status) in cases {
        let report = read(event, &json!([of(word)])).remove(0);
        assert_eq!((report.status, report.raw_name.as_str()), (status, word));
        assert_eq!((report.dedupe, report.at), (format!("{event}:{word}:123456-789"), Some(now())));
        assert_eq!(report.about, About::ProviderId("123".into()));
    }
    assert!(read("new-state", &json!([of("something_new")])).is_empty());
}

#[test]
fn a_webhook_names_every_letter_that_it_is_about() {
    let id = MessageId::new(now());
    let ours = json!({
        "ref_courrier": "1-1", "id_envoi": 9, "statut_courrier": "retour_expediteur", "ref_interne": id, "tracking_number": "2C123456789",
        "statut_description": "14/02/2020 : Courrier retourné à l'expéditeur (adresse incomplète)",
    });
    let reports = read("error", &json!([ours, of("nonsense"), of("non_distribuable"), {}]));
    assert_eq!((reports.len(), &reports[0].about), (2, &About::Message(id)));
    assert_eq!(
        reports[0].detail.as_deref(),
        Some("14/02/2020 : Courrier retourné à l'expéditeur (adresse incomplète); tracking 2C123456789")
    );
    assert_ne!(reports[0].dedupe, reports[1].dedupe);
    assert_eq!(read("error", &ours).len(), 1, "one letter without a list");
    for body in ["", "event=%7B%7D&detail=%5B%5D", "event=x&detail=%5B%5D", "event=%7B%22name_event%22%3A%22new%22%7D&detail=7"] {
        assert!(adapter("http://127.0.0.1:1").parse(&bench::inbound("https://x.example", &[], body.as_bytes())).is_err(), "{body}");
    }
}

#[tokio::test]
async fn the_documents_come_with_the_webhook() {
    let adapter = adapter("http://127.0.0.1:1");
    let id = MessageId::new(now());
    let with = |field: &str, encoded: &str| json!([{ "ref_interne": id, "id_envoi": "1", "ref_courrier": "1-1", "statut_courrier": "x", field: encoded }]);
    let proofs = async |detail: Value| adapter.proofs(&webhook("are", &detail), now()).await;
    let [signed] = proofs(with("are_base64_jpeg", "/9j/AAEC")).await.unwrap().try_into().unwrap();
    assert_eq!((signed.kind, signed.media_type.as_str(), &signed.about), (ProofKind::SignedReceipt, "image/jpeg", &About::Message(id)));
    assert_eq!(&*signed.bytes, b"\xff\xd8\xff\0\x01\x02");
    let [scanned] = proofs(with("are_base64_jpeg", "JVBERi0x\r\nLjcK")).await.unwrap().try_into().unwrap();
    assert_eq!((scanned.kind, scanned.media_type.as_str()), (ProofKind::SignedReceipt, "application/pdf"));
    let [deposit] = proofs(with("pdd_base64_pdf", "JVBERi0xLjcK")).await.unwrap().try_into().unwrap();
    assert_eq!((deposit.kind, deposit.media_type.as_str(), &*deposit.bytes), (ProofKind::Deposit, "application/pdf", &b"%PDF-1.7\n"[..]));
    assert_eq!(proofs(json!([of("distribue")])).await.unwrap().len(), 0);
    assert!(proofs(with("pdd_base64_pdf", "!")).await.is_err() && proofs(with("pdd_base64_pdf", "AAAA")).await.is_err());
    assert!(adapter.proofs(&bench::inbound("https://x.example", &[], b""), now()).await.is_err());
}

#[tokio::test]
async fn an_account_is_asked_for_its_credit() {
    let probe = async |steps: Steps, script: Script| {
        let server = bench::http_after(steps, script);
        adapter(&server.url).probe(now()).await
    };
    let quota = r#"{"success":true,"quotas":{"plan":{"name":"Pro"},"credit":{"amount":"12.50","devise":"EUR"}}}"#;
    assert_eq!(probe(TOKEN, Script::Answer(200, "", quota)).await, Probe::Fine { detail: Some("credit 12.50 EUR".into()) });
    assert_eq!(probe(TOKEN, Script::Answer(200, "", r#"{"success":true}"#)).await, Probe::Fine { detail: None });
    let refused = Script::Answer(200, "", r#"{"success":false,"error":{"code":"IP","text":"no"}}"#);
    assert_eq!(probe(TOKEN, refused.clone()).await, Probe::Refused("IP; no".into()));
    assert!(matches!(probe(&[], refused).await, Probe::Refused(_)));
    assert!(matches!(probe(TOKEN, Script::Answer(500, "", "")).await, Probe::Unreachable(_)));
    assert!(matches!(probe(&[], Script::Drop).await, Probe::Unreachable(_)));
}

#[test]
fn settings_are_checked_together() {
    let strict = Net::new(Default::default(), Default::default()).unwrap();
    let keys = Credentials { secret_key: Secret::new("k"), webhook_secret: Secret::new("") };
    let wrong = Settings { service_id: "a b".into(), ..settings("http://10.0.0.1") };
    let faults = MerciFacteur::open(&wrong, Some(&keys), &strict).unwrap_err();
    let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/settings/api_base", "/settings/service_id", "/credentials/webhook_secret"]);
}
