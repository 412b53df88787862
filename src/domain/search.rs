//! How names are looked for and put in order: without regard to case and to the accents of Latin letters, alike on every database.
//!
//! Databases differ in what they hold to be the same letter, so what is compared is made here and kept beside the name. Invariant: what is kept of a
//! name is [`folded`], today as on the day it was kept; so is what is looked for.

/// What each of these letters is taken for.
const LETTERS: &[(&str, &str)] = &[
    ("ÀÁÂÃÄÅàáâãäå", "a"),
    ("Ææ", "ae"),
    ("Çç", "c"),
    ("ÈÉÊËèéêë", "e"),
    ("ÌÍÎÏìíîï", "i"),
    ("Ññ", "n"),
    ("ÒÓÔÕÖØòóôõöø", "o"),
    ("Œœ", "oe"),
    ("ẞß", "ss"),
    ("ÙÚÛÜùúûü", "u"),
    ("ÝŸýÿ", "y"),
];

/// A text without its capitals and accents: `Élan & Œuvre` becomes `elan & oeuvre`.
pub fn folded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match LETTERS.iter().find(|(accented, _)| !letter.is_ascii() && accented.contains(letter)) {
            Some((_, instead)) => plain.push_str(instead),
            None => plain.push(letter.to_ascii_lowercase()),
        }
    }
    plain
}

/// The texts that begin with `prefix`, as a first one and one behind the last, in the order of their bytes.
pub fn beginning_with(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{prefix}{}", char::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn capitals_and_accents_do_not_matter() {
        for (given, expected) in
            [("Établissements Müller", "etablissements muller"), ("ŒUVRES", "oeuvres"), ("Straße 1", "strasse 1"), ("Ωmega", "Ωmega")]
        {
            assert_eq!(folded(given), expected);
        }
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in ".{0,40}") {
            prop_assert_eq!(folded(&folded(&text)), folded(&text));
        }

        #[test]
        fn a_text_is_within_the_bounds_of_its_own_beginning(text in ".{1,20}", rest in "[ -~À-ÿ]{0,10}") {
            let (from, to) = beginning_with(&text);
            let whole = format!("{text}{rest}");
            prop_assert!(from <= whole && whole < to);
        }
    }
}
