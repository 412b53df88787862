//! Where letters go to and come from: postal addresses as the post reads them, and what one lacks.
//!
//! Not here: what a letter says ([`super::letter`]) and who carries it. Invariant: a [`Place`] has at least one line, a postal code, a town and a country, each on one
//! line and without control characters.

use super::{customer::Address, locale::Country, tenant::AddressLine};

crate::words! {
    /// What a postal address lacks for a letter.
    pub enum AddressPart {
        /// Street and number, or whatever stands above the town.
        Lines = "lines",
        /// The postal code.
        PostalCode = "postal_code",
        /// The town.
        City = "city",
        /// The creditor's own address: at least two lines on the letterhead, the last of them postal code and town.
        SenderAddress = "sender_address",
    }
}

/// Where a letter goes to, or returns to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What stands above the town.
    pub lines: Vec<String>,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// The country.
    pub country: Country,
}

/// How letters to a customer travel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Post {
    /// No account of the creditor carries letters: a person posts them.
    #[default]
    ByHand,
    /// An account would carry them, and an address lacks these parts: a person posts them meanwhile.
    Incomplete(Vec<AddressPart>),
    /// An account carries them.
    Carried(Box<Way>),
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The creditor's place, where the letter returns if it cannot be delivered.
    pub from: Place,
    /// The customer's.
    pub to: Place,
}

impl Post {
    /// How letters travel that an account would carry from the letterhead's address to the customer's. Where the customer's names no country it is in `home`.
    pub fn between(letterhead: &[AddressLine], country: Country, address: &Address, home: Country) -> Self {
        match (sender(letterhead, country), Place::of(address, home)) {
            (Some(from), Ok(to)) => Self::Carried(Box::new(Way { from, to })),
            (from, to) => {
                let own = from.is_none().then_some(AddressPart::SenderAddress);
                Self::Incomplete(to.err().into_iter().flatten().chain(own).collect())
            }
        }
    }

    /// From where to where an account carries them.
    pub const fn way(&self) -> Option<&Way> {
        match self {
            Self::Carried(way) => Some(way),
            Self::ByHand | Self::Incomplete(_) => None,
        }
    }

    /// What is missing for an account to carry them.
    pub fn missing(&self) -> &[AddressPart] {
        match self {
            Self::Incomplete(parts) => parts,
            Self::ByHand | Self::Carried(_) => &[],
        }
    }
}

impl Place {
    /// A customer's address.
    ///
    /// # Errors
    /// What it lacks.
    pub fn of(address: &Address, home: Country) -> Result<Self, Vec<AddressPart>> {
        let part = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
        let place = Self {
            lines: filled(&address.lines),
            postal_code: part(&address.postal_code),
            city: part(&address.city),
            country: address.country.as_deref().and_then(|country| country.parse().ok()).unwrap_or(home),
        };
        let lacks = [
            (AddressPart::Lines, place.lines.is_empty()),
            (AddressPart::PostalCode, place.postal_code.is_empty()),
            (AddressPart::City, place.city.is_empty()),
        ];
        let missing: Vec<AddressPart> = lacks.into_iter().filter(|(_, lacking)| *lacking).map(|(part, _)| part).collect();
        if missing.is_empty() { Ok(place) } else { Err(missing) }
    }

    /// On one line: `3 rue du Port, 59000 Lille, FR`.
    pub fn on_one_line(&self) -> String {
        format!("{}, {}, {}", self.lines.join(", "), self.town(), self.country)
    }

    /// Postal code and town as the country writes them: after the town where English is written, before it elsewhere.
    pub fn town(&self) -> String {
        let Self { postal_code, city, .. } = self;
        match self.country.as_str() {
            "GB" | "IE" | "US" | "CA" | "AU" | "NZ" => format!("{city} {postal_code}"),
            _ => format!("{postal_code} {city}"),
        }
    }
}

/// The creditor's place, read from lines as they stand on an envelope. A country below the town is left out: it is known.
fn sender(lines: &[AddressLine], country: Country) -> Option<Place> {
    let mut lines = filled(lines);
    let town = lines.iter().rposition(|line| line.contains(|letter: char| letter.is_ascii_digit()))?;
    lines.truncate(town.saturating_add(1));
    let (postal_code, city) = split_town(&lines.pop()?)?;
    (!lines.is_empty()).then_some(Place { lines, postal_code, city, country })
}

/// Postal code and town of a line: `75002 Paris`, `1012 AB Amsterdam`, `B-2000 Antwerpen`, `London SW1A 1AA`.
fn split_town(line: &str) -> Option<(String, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    let numbered = |word: &&&str| word.contains(|letter: char| letter.is_ascii_digit());
    let leading = words.iter().take_while(numbered).count().min(2);
    let letters = |word: &&str| word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let dutch = leading == 1 && words.get(1).is_some_and(letters);
    let at = if leading > 0 {
        leading.saturating_add(usize::from(dutch))
    } else {
        words.len().checked_sub(words.iter().rev().take_while(numbered).count().min(2))?
    };
    let (first, last) = words.split_at_checked(at)?;
    let (code, city) = if leading > 0 { (first, last) } else { (last, first) };
    (!code.is_empty() && !city.is_empty()).then(|| (code.join(" "), city.join(" ")))
}

/// The lines that say something.
fn filled(lines: &[AddressLine]) -> Vec<String> {
    lines.iter().map(|line| one_line(&line.0)).filter(|line| !line.is_empty()).collect()
}

/// Without control characters, and with single spaces.
fn one_line(text: &str) -> String {
    let breaks = |letter: char| letter.is_control() || letter.is_whitespace() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.split(breaks).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[&str]) -> Vec<AddressLine> {
        of.iter().map(|line| AddressLine((*line).to_owned())).collect()
    }

    fn france() -> Country {
        "FR".parse().unwrap()
    }

    #[test]
    fn the_town_of_a_letterhead_is_read_in_every_countrys_form() {
        for (line, code, city) in [
            ("75002 Paris", "75002", "Paris"),
            ("75116 Paris 16", "75116", "Paris 16"),
            ("1012 AB Amsterdam", "1012 AB", "Amsterdam"),
            ("B-2000 Antwerpen", "B-2000", "Antwerpen"),
            ("114 55 Stockholm", "114 55", "Stockholm"),
            ("London SW1A 1AA", "SW1A 1AA", "London"),
            ("New York NY 10001", "10001", "New York NY"),
        ] {
            let read = sender(&lines(&["12 rue de la Paix", line]), france()).unwrap();
            assert_eq!((read.postal_code.as_str(), read.city.as_str(), read.lines.len()), (code, city, 1), "{line}");
        }
        let abroad = sender(&lines(&["12 rue de la Paix", "75002 Paris", "FRANCE"]), france()).unwrap();
        assert_eq!((abroad.lines, abroad.city.as_str()), (vec!["12 rue de la Paix".to_owned()], "Paris"));
        for wrong in [&[][..], &["Paris"], &["75002 Paris"], &["Rue de la Paix", "Paris"], &["12 rue", "75002"]] {
            assert_eq!(sender(&lines(wrong), france()), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_an_address_lacks_is_named() {
        let whole = Address {
            lines: lines(&[" 3  rue\tdu Port ", ""]),
            postal_code: Some("59000".into()),
            city: Some("Lille".into()),
            country: None,
        };
        let place = Place::of(&whole, france()).unwrap();
        assert_eq!(place.on_one_line(), "3 rue du Port, 59000 Lille, FR");
        let bare = Address { lines: lines(&["\u{7}"]), postal_code: Some(" ".into()), ..whole.clone() };
        assert_eq!(Place::of(&bare, france()), Err(vec![AddressPart::Lines, AddressPart::PostalCode]));
        let post = Post::between(&lines(&["12 rue de la Paix"]), france(), &bare, france());
        assert_eq!(post.missing(), [AddressPart::Lines, AddressPart::PostalCode, AddressPart::SenderAddress]);
        let post = Post::between(&lines(&["12 rue de la Paix", "75002 Paris"]), france(), &whole, france());
        assert_eq!(post.way().map(|way| way.to.city.as_str()), Some("Lille"));
        let there = Address { country: Some("GB".into()), postal_code: Some("SW1A 1AA".into()), city: Some("London".into()), ..whole };
        assert_eq!(Place::of(&there, france()).unwrap().on_one_line(), "3 rue du Port, London SW1A 1AA, GB");
    }
}
