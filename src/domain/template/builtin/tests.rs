use std::collections::BTreeSet;

use super::*;
use crate::domain::{
    invalid::Faults,
    template::{Facts, Rendered, check, facts, grammar, render, sms::Encoding},
};

/// Every text: template, language, content.
fn all() -> impl Iterator<Item = (&'static Builtin, Language, Content)> {
    BUILTINS.iter().flat_map(|builtin| Language::ALL.iter().map(move |language| (builtin, *language, builtin.content(*language))))
}

/// The words of a source, with every tag made an `x`.
fn words(source: &str) -> String {
    let mut words = String::new();
    let mut rest = source;
    while let Some((before, tag)) = rest.split_once('{') {
        let ends = tag.split_once("}}").into_iter().chain(tag.split_once("%}"));
        words.push_str(before);
        words.push('x');
        rest = ends.min_by_key(|(inside, _)| inside.len()).unwrap().1;
    }
    words + rest
}

fn email(key: &str, language: Language, facts: &Facts) -> (String, String, String) {
    match render(Channel::Email, &find(key).unwrap().content(language), facts) {
        Ok(Rendered::Email { subject, text, html: Some(html) }) => (subject, text, html),
        other => panic!("{other:?}"),
    }
}

fn emails() -> impl Iterator<Item = (&'static str, Language)> {
    let keys = BUILTINS.iter().filter(|builtin| builtin.channel == Channel::Email).map(|builtin| builtin.key);
    keys.flat_map(|key| Language::ALL.iter().map(move |language| (key, *language)))
}

#[test]
fn every_text_passes_its_own_check() {
    for (builtin, language, content) in all() {
        let faults = check(builtin.channel, language, &content).err().unwrap_or_else(Faults::none);
        assert_eq!(faults.to_string(), "", "{language}/{}", builtin.key);
    }
    assert!(find("first_reminder").is_some() && find("no_such_key").is_none());
}

#[test]
fn every_name_between_brackets_is_known_and_every_label_is_used() {
    for (builtin, language, content) in all() {
        for (part, source) in content.parts() {
            assert!(!source.contains("[[") && !source.contains("]]"), "{language}/{} {part}: {source}", builtin.key);
        }
    }
    let sources = BLOCKS.iter().flat_map(|(_, text, html)| [*text, *html]).collect::<String>();
    let names = LABELS.map(|labels| labels.lines().map(|line| line.split_once(" = ").unwrap().0).collect::<Vec<_>>());
    assert!(names.iter().all(|other| *other == names[0]), "each language has the same labels");
    for name in &names[0] {
        assert!(sources.contains(&format!("[[{name}]]")), "{name}");
    }
}

#[test]
fn words_need_no_escaping_in_html() {
    for builtin in BUILTINS {
        for source in builtin.sources.iter().chain(&LABELS) {
            assert!(!words(source).contains(['<', '>', '&']), "{}", builtin.key);
        }
    }
}

#[test]
fn each_language_speaks_of_the_same_facts() {
    for builtin in BUILTINS {
        let used = |language: &Language| -> Vec<BTreeSet<String>> {
            builtin.content(*language).parts().map(|(_, source)| grammar::check(source).unwrap()).collect()
        };
        for language in Language::ALL {
            assert_eq!(used(language), used(&Language::French), "{language}/{}", builtin.key);
        }
    }
}

#[test]
fn french_punctuation_does_not_break_away_from_its_word() {
    let sources = BUILTINS.iter().filter(|builtin| builtin.channel != Channel::Sms).map(|builtin| builtin.sources[0]);
    for source in sources.chain([LABELS[0]]) {
        let words = words(&source.replace("subject: ", ""));
        let letters: Vec<char> = words.chars().collect();
        for pair in letters.windows(2) {
            assert!(!";!?".contains(pair[1]) || pair[0] == '\u{202f}', "{pair:?} in {words}");
            assert!(!":»".contains(pair[1]) || pair[0] == '\u{a0}', "{pair:?} in {words}");
            assert!(pair[0] != '«' || pair[1] == '\u{a0}', "{pair:?} in {words}");
        }
        assert!(!words.contains('\''), "a typewriter's apostrophe in {words}");
    }
}

#[test]
fn no_language_borrows_words_of_another_and_all_are_polite() {
    const FOREIGN: [(&str, &[&str]); 4] = [
        ("fr", &["the", "your", "please", "invoice", "payment", "und", "ihre", "uw", "wij", "tu", "ton", "tes"]),
        ("en", &["votre", "nous", "facture", "und", "ihre", "rechnung", "uw", "wij", "factuur", "asap"]),
        ("nl", &["the", "your", "please", "invoice", "payment", "votre", "nous", "und", "ihre", "je", "jij", "jouw"]),
        ("de", &["the", "your", "please", "invoice", "payment", "votre", "nous", "uw", "wij", "du", "dein", "deine"]),
    ];
    for (builtin, language, content) in all() {
        let (_, foreign) = FOREIGN.iter().find(|(code, _)| *code == language.as_str()).unwrap();
        let text = content.body_text.or(content.sms).unwrap();
        let words = words(&text).to_lowercase();
        let mut each = words.split(|letter: char| !letter.is_alphabetic());
        assert_eq!(each.find(|word| foreign.contains(word)), None, "{language}/{}", builtin.key);
    }
}

#[test]
fn a_passer_by_learns_nothing_from_a_subject_or_an_sms() {
    const SHAMING: &[&str] = &[
        "dette",
        "impay",
        "relance",
        "retard",
        "mise en demeure",
        "recouvrement",
        "débiteur",
        "debt",
        "overdue",
        "unpaid",
        "arrears",
        "late ",
        "formal notice",
        "collection",
        "schuld",
        "achterstal",
        "aanmaning",
        "gebreke",
        "incasso",
        "mahn",
        "überfällig",
        "rückstand",
        "verzug",
        "inkasso",
        "formel",
        "formal step",
        "förmlich",
    ];
    let shaming = |text: &str| SHAMING.iter().find(|word| text.to_lowercase().contains(**word));
    for (key, language) in emails() {
        let (subject, ..) = email(key, language, &Facts::sample(language));
        assert_eq!(shaming(&subject), None, "{subject}");
        assert!(subject.chars().count() <= 120, "{subject}");
    }
    for language in Language::ALL {
        let content = find("sms_reminder").unwrap().content(*language);
        for facts in facts::samples(*language) {
            let Ok(Rendered::Sms { text, segments }) = render(Channel::Sms, &content, &facts) else { panic!() };
            assert_eq!(shaming(&text), None, "{text}");
            assert!(segments.segments <= 2 && segments.encoding == Encoding::Gsm7, "{segments:?} {text}");
        }
    }
}

#[test]
fn a_message_says_how_much_for_what_by_when_and_how_to_pay() {
    for (key, language) in emails() {
        let (_, text, html) = email(key, language, &Facts::sample(language));
        for fact in ["F-2026-0042", "F-2026-0057", "PO-7781", "RF18 5390 0754 7034", "FR76 3000 6000 0112", "AGRIFRPP", "464", "984", "234"]
        {
            assert!(text.contains(fact) && html.contains(fact), "{language}/{key} lacks {fact}");
        }
        assert!(text.contains("https://pay.example.com/p/8fK2qT") && html.contains("href=\"https:&#x2f;&#x2f;pay.example.com"));
        assert!(html.contains("Dupont &amp; Fils") && text.contains("RCS Lyon 123 456 789"), "{language}/{key}");
    }
    for key in ["second_reminder", "last_reminder", "formal_notice"] {
        let (_, text, _) = email(key, Language::English, &Facts::sample(Language::English));
        assert!(text.contains("by 23 March 2026") && text.contains("of 5 March 2026") || text.contains("on 5 March 2026"), "{text}");
    }
}

#[test]
fn a_formal_notice_has_what_makes_it_one() {
    for (language, notice, consequence) in [
        (Language::French, "vous mettons en demeure", "juridiction"),
        (Language::English, "formal notice to pay", "court"),
        (Language::Dutch, "stellen wij u in gebreke", "rechter"),
        (Language::German, "mahnen wir Sie", "Gericht"),
    ] {
        for facts in facts::samples(language) {
            let (_, text, html) = email("formal_notice", language, &facts);
            for part in [notice, consequence, "Atelier Martin", "F-2026-0057"] {
                assert!(text.contains(part) && html.contains(part), "{language} lacks {part}");
            }
            assert!(text.contains("Dupont & Fils") && html.contains("<h1"), "{language}");
        }
        let (_, bare, _) = email("formal_notice", language, &Facts::bare(language));
        let days = ["sept jours", "seven days", "zeven dagen", "sieben Tagen"];
        assert!(days.iter().any(|days| bare.contains(days)), "{bare}");
    }
}

#[test]
fn a_script_ends_with_a_reason_a_commitment_and_an_outcome() {
    for (language, parts) in [
        (Language::French, ["Motif", "date …… montant ……", "RÉSULTAT À NOTER"]),
        (Language::English, ["Reason", "date …… amount ……", "OUTCOME TO RECORD"]),
        (Language::Dutch, ["Reden", "datum …… bedrag ……", "RESULTAAT OM TE NOTEREN"]),
        (Language::German, ["Grund", "Datum …… Betrag ……", "ERGEBNIS FESTHALTEN"]),
    ] {
        for builtin in BUILTINS.iter().filter(|builtin| builtin.channel == Channel::Call) {
            let Ok(Rendered::Script { title: Some(_), text }) = render(Channel::Call, &builtin.content(language), &Facts::bare(language))
            else {
                panic!()
            };
            let places = parts.map(|part| text.find(part));
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{language}/{} {places:?}", builtin.key);
        }
    }
}

#[test]
fn a_statement_of_three_hundred_lines_is_within_bounds() {
    for language in Language::ALL {
        let mut facts = Facts::sample(*language);
        facts.invoices = vec![facts.invoices[0].clone(); 300];
        let (_, text, html) = email("statement", *language, &facts);
        assert_eq!((text.matches("F-2026-0042").count(), html.matches("F-2026-0042").count()), (300, 300));
    }
}

#[test]
fn html_is_whole_and_brings_nothing_from_elsewhere() {
    for (key, language) in emails() {
        for facts in facts::samples(language) {
            let (_, _, html) = email(key, language, &facts);
            assert!(html.contains("max-width:600px") && html.contains("role=\"presentation\""));
            for foreign in ["<img", "<link", "<script", "<style", "url(", "src=", "@import"] {
                assert!(!html.contains(foreign), "{key}: {foreign}");
            }
            let mut open = Vec::new();
            for tag in html.split('<').skip(1).map(|tag| tag.split_once('>').unwrap().0) {
                let name = tag.split(' ').next().unwrap();
                match name.strip_prefix('/') {
                    Some(closed) => assert_eq!(open.pop(), Some(closed), "{language}/{key}"),
                    None if ["br", "meta", "!DOCTYPE"].contains(&name) => {}
                    None => open.push(name),
                }
            }
            assert_eq!(open, Vec::<&str>::new());
        }
    }
}
