//! How money that came in may be recognised: what its words may quote, and which amounts come to it together.
//!
//! Not here: references and their check digits ([`references`](super::references)), proposals for a known payer ([`proposal`](crate::domain::ledger::proposal)). Invariant: whatever
//! a stranger writes, the work is bounded.

use std::collections::BTreeSet;

/// How many digits a number must have to be looked for: one or two are in every text.
const FEWEST_DIGITS: usize = 3;
/// The longest number or reference, and how many words it may be written in.
const LONGEST: usize = 40;
const MOST_WORDS: usize = 10;
/// How many names one text may quote.
const MOST_NAMES: usize = 1_000;
/// Of how many amounts sums are tried: four times as many would take for ever.
const MOST_SUMMED: usize = 16;

/// A number or a reference as it is looked up: letters and digits alone, in capitals; `None` for one that a text would quote by chance.
pub fn bare(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect();
    (digits(&bare) >= FEWEST_DIGITS && bare.len() <= LONGEST).then_some(bare)
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Whatever a text may quote, as [`bare`] spells it: its words, and several in a row for what is spaced or signed.
pub fn quotable(text: &str) -> BTreeSet<String> {
    let words = text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> =
        words.map(|word| word.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect()).collect();
    let mut found = BTreeSet::new();
    for start in 0..words.len() {
        let mut name = String::new();
        for word in words.iter().skip(start).take(MOST_WORDS) {
            name.push_str(word);
            if name.len() > LONGEST || found.len() >= MOST_NAMES {
                break;
            }
            if digits(&name) >= FEWEST_DIGITS {
                found.insert(name.clone());
            }
        }
    }
    found
}

/// The places of the amounts that come to `sum` together, two at least, if there is one such choice and no other.
pub fn only_sum(sum: i64, amounts: &[i64]) -> Option<Vec<usize>> {
    if amounts.len() > MOST_SUMMED || amounts.iter().any(|amount| *amount <= 0) {
        return None;
    }
    amounts.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount))?;
    let choice = |mask: u32| (0..amounts.len()).filter(move |place| (mask >> place) & 1 == 1);
    let all = 1_u32.checked_shl(u32::try_from(amounts.len()).ok()?)?;
    let mut sums = vec![0_i64; usize::try_from(all).ok()?];
    let mut only = None;
    for mask in 1..all {
        // What the choice without its last amount came to, and that one.
        let last = mask.trailing_zeros();
        let rest = *sums.get(usize::try_from(mask & mask.wrapping_sub(1)).ok()?)?;
        let whole = rest.saturating_add(*amounts.get(usize::try_from(last).ok()?)?);
        *sums.get_mut(usize::try_from(mask).ok()?)? = whole;
        if whole == sum && mask.count_ones() > 1 && only.replace(mask).is_some() {
            return None;
        }
    }
    only.map(|mask| choice(mask).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_looked_up_without_their_signs() {
        for (text, expected) in [
            ("F-2026/118", Some("F2026118")),
            ("+++090/9337/55493+++", Some("090933755493")),
            ("rf18 5390 0754 7034", Some("RF18539007547034")),
            ("F-12", None),
            ("n° é 123", Some("N123")),
            ("", None),
        ] {
            assert_eq!(bare(text).as_deref(), expected, "{text}");
        }
        assert_eq!(bare(&"1".repeat(41)), None);
    }

    #[test]
    fn a_text_quotes_words_and_words_in_a_row() {
        let found = quotable("facture F 2026-118, merci");
        assert!(["F2026118", "2026118", "118", "2026", "FACTUREF2026118MERCI"].iter().all(|name| found.contains(*name)), "{found:?}");
        assert!(!found.contains("FACTURE") && !found.contains("F"));
        assert_eq!(quotable(&"1234 ".repeat(100_000)).len(), 10);
        let many: String = (0..100_000).map(|n| format!("{} ", n + 1_000)).collect();
        assert!(quotable(&many).len() <= MOST_NAMES);
    }

    #[test]
    fn a_sum_is_found_if_it_is_the_only_one() {
        assert_eq!(only_sum(300, &[100, 50, 200]), Some(vec![0, 2]));
        assert_eq!(only_sum(300, &[100, 200, 200]), None, "two ways");
        assert_eq!(only_sum(200, &[100, 200]), None, "one amount is no sum");
        assert_eq!(only_sum(5, &[]), None);
        assert_eq!(only_sum(17, &[1; 17]), None, "too many to try");
        assert_eq!(only_sum(16, &[1; 16]), Some((0..16).collect()));
        assert_eq!(only_sum(i64::MAX, &[i64::MAX, i64::MAX]), None, "what overflows is no sum");
    }

    proptest::proptest! {
        #[test]
        fn what_is_bare_is_quotable_alone(text in "[A-Za-z0-9/. -]{0,45}") {
            if let Some(name) = bare(&text) {
                proptest::prop_assert!(quotable(&name).contains(&name));
                if text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).count() <= MOST_WORDS {
                    proptest::prop_assert!(quotable(&text).contains(&name), "{}", text);
                }
            }
        }

        #[test]
        fn a_sum_is_a_sum(amounts in proptest::collection::vec(1_i64..50, 0..10), sum in 1_i64..200) {
            if let Some(places) = only_sum(sum, &amounts) {
                proptest::prop_assert_eq!(places.iter().map(|place| amounts[*place]).sum::<i64>(), sum);
            }
        }
    }
}
