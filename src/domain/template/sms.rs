//! What an SMS costs: GSM-7 or UCS-2, and how many segments (3GPP TS 23.038 and 23.040).
//!
//! Not here: sending. Invariant: a character that takes two units, an escaped one of GSM-7 or a surrogate pair of UCS-2, is never
//! split over two segments.

use serde::Serialize;
use utoipa::ToSchema;

crate::words! {
    /// How an SMS is encoded.
    pub enum Encoding {
        /// Seven bits a character: 160 in one segment, 153 in each of several.
        Gsm7 = "gsm_7",
        /// Sixteen bits a character: 70 in one segment, 67 in each of several.
        Ucs2 = "ucs_2",
    }
}

/// The default alphabet of GSM-7 (3GPP TS 23.038 §6.2.1), one unit each.
const GSM_BASIC: &str =
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension table (§6.2.1.1): an escape and a character, two units each.
const GSM_EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// The size of an SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Segments {
    /// How the text is encoded: UCS-2 as soon as one character is outside GSM-7.
    pub encoding: Encoding,
    /// Septets of GSM-7, or 16-bit units of UCS-2.
    #[schema(minimum = 0, example = 84)]
    pub units: usize,
    /// How many segments are sent and billed; at least one.
    #[schema(minimum = 1, example = 1)]
    pub segments: usize,
    /// How many units one segment holds here: 160, 153, 70 or 67.
    #[schema(minimum = 67, maximum = 160, example = 160)]
    pub per_segment: usize,
}

/// Septets of one character, if GSM-7 has it.
fn septets(letter: char) -> Option<usize> {
    if GSM_BASIC.contains(letter) { Some(1) } else { GSM_EXTENDED.contains(letter).then_some(2) }
}

/// Measures a text.
pub fn segments(text: &str) -> Segments {
    let gsm: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (encoding, widths, single, multiple) = match gsm {
        Some(widths) => (Encoding::Gsm7, widths, 160, 153),
        None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    let units = widths.iter().sum();
    if units <= single {
        return Segments { encoding, units, segments: 1, per_segment: single };
    }
    let (mut segments, mut filled) = (1, 0);
    for width in widths {
        if filled + width > multiple {
            segments += 1;
            filled = 0;
        }
        filled += width;
    }
    Segments { encoding, units, segments, per_segment: multiple }
}

/// The same SMS with letters of GSM-7 only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Transliteration {
    /// The text to send instead: `ç` became `c`, `’` became `'`.
    #[schema(max_length = 4000, example = "Recu, merci")]
    pub text: String,
    /// Its size.
    pub segments: Segments,
    /// How many segments it saves; at least one.
    #[schema(minimum = 1, example = 1)]
    pub saved: usize,
}

/// Offers a cheaper spelling: letters that GSM-7 lacks become their nearest, and the rest stays as written. `None` if some
/// character has no near one, or if nothing is saved.
pub fn transliterate(text: &str) -> Option<Transliteration> {
    let now = segments(text);
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match septets(letter) {
            Some(_) => plain.push(letter),
            None => plain.push_str(nearest(letter)?),
        }
    }
    let then = segments(&plain);
    let saved = now.segments.checked_sub(then.segments).filter(|saved| *saved > 0)?;
    Some(Transliteration { text: plain, segments: then, saved })
}

/// The nearest spelling in GSM-7 of a letter that it lacks.
fn nearest(letter: char) -> Option<&'static str> {
    Some(match letter {
        'á' | 'â' | 'ã' => "a",
        'ç' => "c",
        'ê' | 'ë' => "e",
        'í' | 'î' | 'ï' => "i",
        'ó' | 'ô' | 'õ' => "o",
        'ú' | 'û' => "u",
        'ý' | 'ÿ' => "y",
        'œ' => "oe",
        'À' | 'Á' | 'Â' | 'Ã' => "A",
        'È' | 'Ê' | 'Ë' => "E",
        'Ì' | 'Í' | 'Î' | 'Ï' => "I",
        'Ò' | 'Ó' | 'Ô' | 'Õ' => "O",
        'Ù' | 'Ú' | 'Û' => "U",
        'Ý' | 'Ÿ' => "Y",
        'Œ' => "OE",
        'ẞ' => "SS",
        'ĳ' => "ij",
        'Ĳ' => "IJ",
        '‘' | '’' | '‚' | '′' => "'",
        '“' | '”' | '„' | '«' | '»' => "\"",
        '–' | '—' | '‑' | '−' => "-",
        '•' | '·' => "-",
        '…' => "...",
        '№' | '°' => "o",
        '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => " ",
        '\u{ad}' | '\u{200b}' | '\u{feff}' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn segments_are_counted_as_carriers_bill_them() {
        let measure = |text: &str| {
            let found = segments(text);
            (found.encoding, found.units, found.segments, found.per_segment)
        };
        assert_eq!(measure(""), (Encoding::Gsm7, 0, 1, 160));
        assert_eq!(measure(&"a".repeat(160)), (Encoding::Gsm7, 160, 1, 160));
        assert_eq!(measure(&"a".repeat(161)), (Encoding::Gsm7, 161, 2, 153));
        assert_eq!(measure(&"€".repeat(80)), (Encoding::Gsm7, 160, 1, 160));
        assert_eq!(measure(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), (Encoding::Gsm7, 306, 3, 153), "an escape is not split");
        assert_eq!(measure(&"ê".repeat(70)), (Encoding::Ucs2, 70, 1, 70));
        assert_eq!(measure(&format!("{}👍{}", "ê".repeat(66), "ê".repeat(66))), (Encoding::Ucs2, 134, 3, 67), "nor a surrogate pair");
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "says that the vectors were not there to test against")]
    fn segments_agree_with_the_published_calculator() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/sms_segmentation.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: no ../shared");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() >= 27);
        for case in cases {
            let found = segments(case["text"].as_str().unwrap());
            let (encoding, bits) = if case["encoding"] == "GSM-7" { (Encoding::Gsm7, 7) } else { (Encoding::Ucs2, 16) };
            assert_eq!(found.encoding, encoding, "{}", case["name"]);
            assert_eq!(serde_json::json!(found.segments), case["segments"], "{}", case["name"]);
            assert_eq!(serde_json::json!(found.units * bits), case["message_bits"], "{}", case["name"]);
        }
    }

    #[test]
    fn a_cheaper_spelling_is_offered_only_when_it_is_cheaper() {
        let costly = "Votre règlement n’est peut-être pas arrivé : merci de vérifier. Reçu ? Alors ne tenez pas compte de ce message…";
        let offer = transliterate(costly).unwrap();
        assert_eq!((offer.segments.segments, offer.saved), (1, 1));
        assert!(offer.text.starts_with("Votre règlement n'est peut-etre pas arrivé"), "letters that GSM-7 has stay as they are");
        assert_eq!(transliterate("Reçu"), None, "one segment is one segment");
        assert_eq!(transliterate(&format!("{}☃", "ê".repeat(80))), None, "no near spelling");
    }

    proptest! {
        #[test]
        fn enough_segments_and_not_one_too_many(text in "[a-zé€ê👍 ]{0,400}") {
            let found = segments(&text);
            prop_assert!(found.units <= found.segments * found.per_segment);
            // At most one unit of each segment is lost, to a character that would not fit.
            prop_assert!(found.segments == 1 || found.units + found.segments > (found.segments - 1) * found.per_segment);
        }

        #[test]
        fn an_offer_is_always_gsm_7_and_always_saves(text in "\\PC{0,300}") {
            if let Some(offer) = transliterate(&text) {
                prop_assert_eq!(offer.segments.encoding, Encoding::Gsm7);
                prop_assert_eq!(offer.segments.segments + offer.saved, segments(&text).segments);
            }
        }
    }
}
