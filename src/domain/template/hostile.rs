//! Templates written to do harm: each is refused, quickly; and the heaviest that are not refused end within bounds.

use std::time::{Duration, Instant};

use super::{Content, Facts, grammar, render::MAX_OUTPUT};
use crate::domain::{contact::Channel, locale::Language};
use proptest::prelude::*;

/// An account of a thousand lines.
fn long_account() -> Facts {
    let mut facts = Facts::sample(Language::English);
    facts.invoices = (0..1_000).map(|n| facts.invoices[n % 2].clone()).collect();
    facts
}

/// Expressions that are no variable with a filter, in each place where an expression may stand.
const EXPRESSIONS: &[&str] = &[
    "'a' * 1000000000",
    "customer.name * 100000",
    "customer.name ~ customer.name",
    "1 + 1",
    "2 ** 60",
    "10 // 3",
    "late_count % 2",
    "-late_count",
    "[1, 2, 3]",
    "{'a': 1}",
    "(1, 2)",
    "invoices[0]",
    "invoices[0].number",
    "invoices[::-1]",
    "customer.name[0:1]",
    "customer['name']",
    "range(1000000000)",
    "range(10) | list",
    "dict(a=1)",
    "namespace()",
    "debug()",
    "lipsum(100)",
    "customer.name.upper()",
    "customer.name.__class__.__mro__",
    "self",
    "caller()",
    "super()",
    "customer.name | replace('', 'aaaaaaaaaa')",
    "customer.name | replace('D', 'DDDDDDDD') | replace('D', 'DDDDDDDD')",
    "customer.name | indent(100000000)",
    "customer.name | safe",
    "customer.name | escape",
    "customer.name | e",
    "customer.name | upper | lower",
    "customer.name | upper('x')",
    "invoices | map(attribute='number') | join(customer.name)",
    "invoices | tojson",
    "invoices | sort(attribute='number')",
    "invoices | batch(1)",
    "invoices | first",
    "customer | items",
    "customer | attr('name')",
    "customer.name | format(1)",
    "customer.name | default('x')",
    "customer.name is defined",
    "customer.name if late_count else 'x'",
    "'a' in customer.name",
    "'fixed'",
    "1",
    "1.5",
    "true",
    "none",
    "undefined",
    "other_tenant.secret",
    "tenants",
    "environ",
    "config.secret_key",
    "invoices.0",
    "invoices.number",
    "creditor.bank.iban.x",
    "customer.name.length",
    "loop",
    "loop.cycle('a', 'b')",
    "customer.nаme", // a Cyrillic а
    "ＣＵＳＴＯＭＥＲ",
    "customer\u{200b}.name",
    "customer.name\u{202e}",
];

/// Whole templates.
const STATEMENTS: &[&str] = &[
    "{% set x = 'a' %}{{ x }}",
    "{% set x %}{{ customer.name }}{% endset %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% do customer.name.upper() %}",
    "{% with x = customer.name %}{{ x }}{% endwith %}",
    "{% filter upper %}a{% endfilter %}",
    "{% autoescape false %}{{ customer.name }}{% endautoescape %}",
    "{% for i in invoices recursive %}{{ loop(invoices) }}{% endfor %}",
    "{% for i in invoices if i.days_late > 1 %}{% endfor %}",
    "{% for i in invoices %}{% for j in invoices %}{% endfor %}{% endfor %}",
    "{% for i in invoices %}{% for j in invoices %}{% for k in invoices %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in 'abc' %}{% endfor %}",
    "{% for i in customer.name %}{% endfor %}",
    "{% for a, b in invoices %}{% endfor %}",
    "{% for loop in invoices %}{% endfor %}",
    "{% for invoices in invoices %}{% endfor %}",
    "{% for i in invoices %}{% break %}{% endfor %}",
    "{% if %}{% endif %}",
    "{% if customer.name %}",
    "{% endif %}",
    "{% else %}",
    "{{",
    "{{ }}",
    "{%",
    "{% %}",
    "{{ customer.name",
    "{{ customer..name }}",
    "{{ customer.name | }}",
    "{{ 'unclosed }}",
    "{{ '\\ud800' }}",
    "{# unclosed",
    "{% raw %}{{ unclosed",
];

/// Doublings, nestings and chains, of every size up to where it hurts.
fn grown() -> Vec<String> {
    let mut grown = Vec::new();
    for n in [50, 200, 1_000, 5_000, 20_000] {
        grown.push(format!("{{{{ {}late_count }}}}", "not ".repeat(n)));
        grown.push(format!("{{{{ {}late_count }}}}", "-".repeat(n)));
        grown.push(format!("{{{{ {}late_count{} }}}}", "(".repeat(n), ")".repeat(n)));
        grown.push(format!("{{{{ {}1{} }}}}", "[".repeat(n), "]".repeat(n)));
        grown.push(format!("{{{{ customer.name{} }}}}", " | upper".repeat(n)));
        grown.push(format!("{{{{ customer{} }}}}", ".name".repeat(n)));
        grown.push(format!("{{{{ late_count{} }}}}", " + late_count".repeat(n)));
        grown.push(format!("{{% if late_count{} %}}{{% endif %}}", " and late_count".repeat(n)));
        grown.push(format!("{{% if late_count{} %}}{{% endif %}}", " == late_count".repeat(n)));
        grown.push(format!("{}{}", "{% if late_count %}".repeat(n), "{% endif %}".repeat(n)));
        grown.push(format!("{}{}", "{% for i in invoices %}".repeat(n), "{% endfor %}".repeat(n)));
        grown.push(format!("{{% if late_count %}}{}{{% endif %}}", "{% elif late_count %}".repeat(n)));
        grown.push("{% set x = x ~ x %}".repeat(n));
        grown.push("{% if x %}".repeat(n));
    }
    grown.push("x".repeat(grammar::MAX_SOURCE + 1));
    grown.push("\n".repeat(grammar::MAX_SOURCE + 1));
    grown.push("😀".repeat(grammar::MAX_SOURCE / 2));
    grown.push(format!("{{{{ '{}' }}}}", "a".repeat(60_000)));
    grown.push(format!("{{{{ {} }}}}", "9".repeat(60_000)));
    grown.push(format!("{{{{ {} }}}}", "a".repeat(60_000)));
    grown
}

fn corpus() -> Vec<String> {
    let places =
        ["{{ @ }}", "{% if @ %}x{% endif %}", "{% for x in @ %}{{ x }}{% endfor %}", "{% if late_count > 1 and (@) == 1 %}{% endif %}"];
    let placed = EXPRESSIONS.iter().flat_map(|expression| places.map(|place| place.replace('@', expression)));
    // What is harmless in that place is no attack: a literal to compare with, a list to loop over.
    let placed = placed.filter(|source| !matches!(source.as_str(), "{% if late_count > 1 and (1) == 1 %}{% endif %}"));
    placed.chain(STATEMENTS.iter().map(|&source| source.to_owned())).chain(grown()).collect()
}

/// Renders all three parts of an e-mail, and measures.
fn endure(source: &str, facts: &Facts) -> Duration {
    let part = Some(source.to_owned());
    let content = Content { subject: part.clone(), body_text: part.clone(), body_html: part, sms: None };
    let start = Instant::now();
    if let Ok(super::Rendered::Email { text, html, .. }) = super::render(Channel::Email, &content, facts) {
        assert!(text.len() <= MAX_OUTPUT && html.is_none_or(|html| html.len() <= MAX_OUTPUT));
    }
    start.elapsed()
}

#[test]
fn every_hostile_template_is_refused_quickly() {
    let corpus = corpus();
    assert!(corpus.len() >= 200, "{}", corpus.len());
    for source in &corpus {
        let start = Instant::now();
        let refused = grammar::check(source);
        let shown: String = source.chars().take(80).collect();
        assert!(refused.is_err(), "accepted: {shown}");
        assert!(
            refused.is_err_and(|faults| faults.0.len() <= 20 && faults.0.iter().all(|fault| fault.detail.chars().count() < 350)),
            "{shown}"
        );
        assert!(start.elapsed() < Duration::from_millis(500), "{shown}: {:?}", start.elapsed());
    }
}

#[test]
fn the_heaviest_accepted_templates_end_within_bounds() {
    let facts = long_account();
    let fill = |inner: &str| format!("{{% for i in invoices %}}{}{{% endfor %}}", inner.repeat((grammar::MAX_SOURCE - 50) / inner.len()));
    for source in [
        fill("{{ i.number | upper }}"),
        fill("{{ i.balance | money }}"),
        fill("{% if i.days_late %}{% endif %}"),
        fill("x"),
        "{% for i in invoices %}{% endfor %}".repeat(1_800),
        "{{ total | money }}".repeat(3_000),
        "x".repeat(grammar::MAX_SOURCE),
        "\n".repeat(grammar::MAX_SOURCE),
    ] {
        let shown: String = source.chars().take(60).collect();
        assert_eq!(grammar::check(&source).err(), None, "{shown}");
        // Three parts are rendered, in a build without optimisation.
        assert!(endure(&source, &facts) < Duration::from_secs(2), "{shown}");
    }
}

proptest! {
    #[test]
    fn anything_at_all_is_answered(source in "(\\{\\{|\\}\\}|\\{%|%\\}| |if|for|in|endif|endfor|else|elif|invoices|total|customer\\.name|\\||money|i|not|and|==|[0-9]|'|\\PC){0,40}") {
        let accepted = grammar::check(&source).is_ok();
        let content = Content { body_text: Some(source.clone()), ..Content::default() };
        if accepted {
            for facts in super::facts::samples(Language::German) {
                prop_assert!(super::render(Channel::Call, &content, &facts).is_ok(), "{}", source);
            }
        }
    }
}
