//! The state of an address in the United States, by its ZIP code: the services there want it, and an address of ours has none.
//!
//! Invariant: the first three digits decide, as the Postal Service assigns them; no state is guessed from a town.

/// The first and the last prefix of three digits, and the state.
const RANGES: &[(u16, u16, &str)] = &[
    (5, 5, "NY"),
    (6, 7, "PR"),
    (8, 8, "VI"),
    (9, 9, "PR"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (90, 98, "AE"),
    (100, 149, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 200, "DC"),
    (201, 201, "VA"),
    (202, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 339, "FL"),
    (340, 340, "AA"),
    (341, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (569, 569, "DC"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 731, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (962, 966, "AP"),
    (967, 968, "HI"),
    (969, 969, "GU"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

/// The state of `12345` or `12345-6789`; `None` for what is no ZIP code.
pub(super) fn state(code: &str) -> Option<&'static str> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (five, four) = code.split_once('-').map_or((code, None), |(five, four)| (five, Some(four)));
    if !digits(five, 5) || four.is_some_and(|four| !digits(four, 4)) {
        return None;
    }
    let prefix: u16 = five.get(..3)?.parse().ok()?;
    RANGES.iter().find(|(first, last, _)| (*first..=*last).contains(&prefix)).map(|(.., state)| *state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_code_has_one_state() {
        for (code, expected) in [
            ("94107", "CA"),
            ("94107-1741", "CA"),
            ("10007", "NY"),
            ("02134", "MA"),
            ("05501", "MA"),
            ("05602", "VT"),
            ("00501", "NY"),
            ("20001", "DC"),
            ("88510", "TX"),
            ("99801", "AK"),
        ] {
            assert_eq!(state(code), Some(expected), "{code}");
        }
        for wrong in ["", "9410", "941071", "94107-", "94107-17", "9410a", "00101", "75011 Paris"] {
            assert_eq!(state(wrong), None, "{wrong}");
        }
        assert!(RANGES.windows(2).all(|pair| pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0), "in order, and none twice");
    }
}
