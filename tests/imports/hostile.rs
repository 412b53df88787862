//! Files that mean harm, or are broken: each ends in a failed import or a refused row that says why, soon, and keeps nobody waiting.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};

use super::{
    banks::{camt, entry, said},
    counts, rows, taken,
};
use crate::{
    on_both,
    support::{App, Tenant},
};

/// How long one such file may take, in a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(20);

fn ubl(inside: &str) -> Vec<u8> {
    format!("<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">{inside}</Invoice>").into_bytes()
}

/// Ten times ten times … of a word: three hundred megabytes, if anybody believed it.
fn laughs() -> Vec<u8> {
    let entities: String = (1..9).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    format!("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"lol\">{entities}]><Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">&l8;</Invoice>").into_bytes()
}

fn attributes() -> Vec<u8> {
    let all: String = (0..80_000).map(|n| format!(" a{n}=\"\"")).collect();
    ubl(&format!("<ID{all}>1</ID>"))
}

/// A PDF with an attached invoice of forty megabytes, in forty kilobytes: four times what is inflated of any.
fn flate_bomb() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let spaces = vec![b' '; 1 << 20];
    (0..40).for_each(|_| encoder.write_all(&spaces).unwrap());
    let packed = encoder.finish().unwrap();
    let before = format!(
        "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Names << /EmbeddedFiles << /Names [(x) 2 0 R] >> >> >>\nendobj\n\
         2 0 obj\n<</Type/Filespec/F(factur-x.xml)/UF(factur-x.xml)/EF<</F 3 0 R>>>>\nendobj\n\
         3 0 obj\n<< /Type /EmbeddedFile /Filter /FlateDecode /Length {} >>\nstream\r\n",
        packed.len()
    );
    [before.as_bytes(), &packed, b"\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"].concat()
}

fn on_30_february() -> Vec<u8> {
    let line = entry("5.00", "CRDT", "R1", &said("x")).replace("2026-03-02", "2026-02-30");
    camt("camt.053.001.02", &line)
}

/// Sends it, waits for its end, and says how that was.
async fn ended(app: &App, tenant: &Tenant, query: &str, name: &str, file: &[u8]) -> Value {
    let begun = Instant::now();
    let import = taken(app, tenant, query, "application/octet-stream", file).await;
    assert!(begun.elapsed() < SOON, "{name} takes {:?}", begun.elapsed());
    import
}

on_both! {
    async fn files_that_mean_harm_are_given_up(app: App) {
        let tenant = app.tenant("Atelier").await;
        let outside = b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\"><ID>&b;</ID></Invoice>";
        let files: [(&str, Vec<u8>); 11] = [
            ("entities within entities", laughs()),
            ("an entity outside", outside.to_vec()),
            ("80,000 attributes", attributes()),
            ("100,000 elements within each other", ubl(&"<a>".repeat(100_000))),
            ("a million elements", ubl(&"<a/>".repeat(1_000_000))),
            ("40 MB in a PDF", flate_bomb()),
            ("a PDF of nothing", b"%PDF-1.7 nothing".to_vec()),
            ("another page", b"<html/>".to_vec()),
            ("bytes that are not the encoding's", [b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>".as_slice(), &ubl("<ID>\u{e9}</ID>").iter().map(|byte| if *byte == 0xc3 { 0xff } else { *byte }).collect::<Vec<u8>>()].concat()),
            ("an encoding that is none", [b"<?xml version=\"1.0\" encoding=\"EBCDIC-77\"?>".as_slice(), &ubl("<ID>1</ID>")].concat()),
            ("a line of nonsense", b":20:X\n:61:nonsense\n".to_vec()),
        ];
        for (name, file) in files {
            let import = ended(&app, &tenant, "", name, &file).await;
            assert_eq!((&import["status"], counts(&import)), (&json!("failed"), [0; 6]), "{name}: {import}");
            let why = import["problems"][0]["detail"].as_str().unwrap_or_default();
            assert!(why.len() > 10 && !why.contains("our side"), "{name}: {import}");
        }
        // What fails keeps nobody waiting.
        let statement = b":20:X\n:25:1/2\n:28C:1/1\n:60F:C260101EUR0,00\n:61:2601020102D5,00NMSCNONREF\n:86:fees\n:62F:D260102EUR5,00\n-\n";
        assert_eq!(taken(&app, &tenant, "", "text/plain", statement).await["status"], "completed");
    }

    async fn a_day_that_never_was_is_refused(app: App) {
        let tenant = app.tenant("Atelier").await;
        let import = ended(&app, &tenant, "", "a statement of 30 February", &on_30_february()).await;
        assert!(import["status"] == "failed" && import["problems"][0]["detail"].as_str().unwrap().contains("date"), "{import}");
        let import = ended(&app, &tenant, "", "an invoice of 30 February", &ubl("<ID>1</ID><IssueDate>2026-02-30</IssueDate>")).await;
        assert_eq!(import["status"], "failed", "{import}");
        assert!(import["problems"].as_array().unwrap().iter().any(|one| one["place"].as_str().unwrap().contains("IssueDate")), "{import}");

        let mapping = json!({"source": "sage", "currency": "EUR", "date_format": "%d/%m/%Y", "decimal_separator": ",", "customer": {"external_id": "c", "name": "c"},
            "invoice": {"external_id": "n", "number": "n", "issue_date": "d", "due_date": "e", "amount": "m"}});
        app.send("PUT", "/v1/import-mappings/sage", &tenant.test, mapping, &[]).await.expect(201);
        let table = b"c;n;d;e;m\nA;F1;30/02/2026;31/03/2026;5,00\nA;F2;28/02/2026;31/03/2026;5,00\n";
        let import = taken(&app, &tenant, "?mapping=sage", "text/csv", table).await;
        let told = rows(&app, &tenant, &import).await;
        assert_eq!((counts(&import), &told[0]["problems"][0]["place"], &told[0]["problems"][0]["value"]), ([1, 0, 0, 1, 0, 0], &json!("d"), &json!("30/02/2026")));
    }

    async fn rows_that_mean_harm_are_bounded(app: App) {
        let tenant = app.tenant("Atelier").await;
        let mapping = json!({"source": "sage", "customer": {"external_id": "c", "name": "n"}});
        app.send("PUT", "/v1/import-mappings/customers", &tenant.test, mapping, &[]).await.expect(201);
        let open = format!("c,n\nA,\"{}", "x,y\n".repeat(2_500_000));
        let import = ended(&app, &tenant, "?mapping=customers", "a quote that is never closed", open.as_bytes()).await;
        assert!(import["status"] == "failed" && import["problems"][0]["detail"].as_str().unwrap().contains("quote"), "{import}");
        let wide = format!("c,n\nA,{}\nB,b\n", ",".repeat(1_000_000));
        let import = ended(&app, &tenant, "?mapping=customers", "a million cells", wide.as_bytes()).await;
        assert_eq!((&import["status"], counts(&import)), (&json!("completed"), [1, 0, 0, 1, 0, 0]), "{import}");

        let long = format!("{{\"external_id\": \"{}\"}}\n", "x".repeat(3_000_000));
        let import = ended(&app, &tenant, "?kind=customers", "a line of three megabytes", long.as_bytes()).await;
        assert!(import["status"] == "failed" && import["problems"][0]["detail"].as_str().unwrap().contains("line 1"), "{import}");
        let deep = format!("{{\"external_id\": {}\n{{\"external_id\": \"C\", \"name\": \"C\\u0000\", \"kind\": \"business\"}}\n{{\"name\": \"\u{e9}\"}}\n", "[".repeat(500_000));
        let import = ended(&app, &tenant, "?kind=customers", "lists within each other", deep.as_bytes()).await;
        assert_eq!((&import["status"], counts(&import)), (&json!("completed"), [0, 0, 0, 3, 0, 0]), "{import}");
        let latin = b"{\"external_id\": \"C\", \"name\": \"Soci\xe9t\xe9\", \"kind\": \"business\"}\n";
        let import = ended(&app, &tenant, "?kind=customers", "letters that are no UTF-8", latin).await;
        assert_eq!(counts(&import), [0, 0, 0, 1, 0, 0], "{import}");

        // A text of nothing but numbers is searched for some of them.
        let numbers: String = (0..100_000).map(|n| format!("{} ", n + 10_000)).collect();
        let import = ended(&app, &tenant, "", "a hundred thousand numbers", &camt("camt.053.001.02", &entry("5.00", "CRDT", "R1", &format!("<TxDtls><RmtInf>{}</RmtInf></TxDtls>", said(&numbers))))).await;
        assert!(import["status"] == "failed" || counts(&import) == [0, 0, 0, 0, 0, 1], "{import}");
    }

    async fn what_is_no_file_is_refused_at_once(app: App) {
        let tenant = app.tenant("Atelier").await;
        for (kind, file, status) in [
            ("application/octet-stream", b"PK\x03\x04\0\0\0\0".to_vec(), 422),
            ("application/zip", b"PK\x03\x04".to_vec(), 415),
            ("text/csv", b"\xff\xfea\0;\0b\0\n\0".to_vec(), 422),
            ("text/csv", Vec::new(), 422),
        ] {
            let answer = app.upload("/v1/imports", &tenant.test, kind, file, &[]).await;
            assert_eq!(answer.status, status, "{}", answer.text);
        }
        let packed = app.upload("/v1/imports", &tenant.test, "text/csv", b"a,b\n".to_vec(), &[("content-encoding", "gzip")]).await;
        assert_eq!((packed.status, &packed.body["code"]), (415, &json!("unsupported_media_type")));
        assert_eq!(app.get("/v1/imports", &tenant.test).await.expect(200)["data"], json!([]));
    }
}
