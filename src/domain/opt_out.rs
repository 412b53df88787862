//! The words by which a person ends the sending of texts, in the languages that Relance writes.
//!
//! Not here: what a STOP changes (`actions::receipts`) and how a provider hands an answer over (each adapter reads its own).
//! Invariant: only a message that says nothing else counts. "Please do not stop the delivery" is an answer for a person to read.

/// As they are compared: capitals, no accents, no blanks.
///
/// Missing on purpose: words that mean something else in a conversation about invoices or in another of the languages, such as the Italian FINE (end),
/// which an Englishman writes when all is well, and the French RÉSILIER, which ends a contract.
const WORDS: &[&str] = &[
    // English; the first line is what operators and providers themselves obey.
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "STOPSMS",
    // French
    "ARRET",
    "ARRETE",
    "ARRETER",
    "ARRETEZ",
    "DESABONNER",
    "DESABONNEMENT",
    "DESINSCRIRE",
    "DESINSCRIPTION",
    // Dutch
    "STOPPEN",
    "AFMELDEN",
    "UITSCHRIJVEN",
    // German
    "STOPP",
    "ABMELDEN",
    "ABMELDUNG",
    "ABBESTELLEN",
    "AUSTRAGEN",
    // Spanish
    "BAJA",
    "DARDEBAJA",
    "DARMEDEBAJA",
    "ALTO",
    "PARAR",
    "CANCELAR",
    "DESUSCRIBIR",
    // Italian
    "BASTA",
    "FERMA",
    "FERMARE",
    "CANCELLA",
    "CANCELLAMI",
    "DISISCRIVI",
    "DISISCRIVIMI",
];

/// Whether `message` is nothing but a word that ends the sending. Case, accents, blanks and punctuation do not count.
pub fn is_stop_word(message: &str) -> bool {
    let said: String = message.chars().flat_map(char::to_uppercase).filter(|letter| letter.is_alphanumeric()).map(plain).collect();
    WORDS.contains(&said.as_str())
}

/// A capital without its accent. An accent written as a character of its own is none of the alphanumeric ones.
const fn plain(letter: char) -> char {
    match letter {
        'À' | 'Á' | 'Â' | 'Ä' => 'A',
        'È' | 'É' | 'Ê' | 'Ë' => 'E',
        'Ì' | 'Í' | 'Î' | 'Ï' => 'I',
        'Ò' | 'Ó' | 'Ô' | 'Ö' => 'O',
        'Ù' | 'Ú' | 'Û' | 'Ü' => 'U',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_its_word_however_it_is_written() {
        let stops = [
            "STOP",
            "stop",
            " Stop. ",
            "« STOP »",
            "stop!!!",
            "STOP 🛑",
            "Stop all",
            "opt-out",
            "ARRET",
            "arrêt.",
            "Arre\u{302}t",
            "Désabonner",
            "désinscription",
            "Afmelden",
            "UITSCHRIJVEN",
            "Stopp",
            "abmelden",
            "Abbestellen!",
            "BAJA",
            "¡Baja!",
            "dar de baja",
            "alto",
            "Basta",
            "CANCELLAMI",
            "\u{200b}stop\u{feff}",
        ];
        for text in stops {
            assert!(is_stop_word(text), "{text}");
        }
    }

    #[test]
    fn whoever_says_more_is_not_stopped() {
        let answers = [
            "",
            "...",
            "Do not stop",
            "STOP calling, I pay on Friday",
            "Je paie vendredi, arrêtez les relances",
            "stopped",
            "fine",
            "Fine, thanks",
            "résilier",
            "para",
            "1",
            "STOP 12 rue de l'Arrêt",
        ];
        for text in answers {
            assert!(!is_stop_word(text), "{text}");
        }
    }

    #[test]
    fn the_words_are_kept_as_they_are_compared() {
        for (place, word) in WORDS.iter().enumerate() {
            assert!(is_stop_word(word), "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_uppercase()), "{word}");
            assert!(!WORDS[..place].contains(word), "{word} stands twice");
        }
    }
}
