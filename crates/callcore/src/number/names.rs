//! What people write for a country in a table: its letters, its calling code, its name in English or at home.

use unicode_normalization::UnicodeNormalization;

/// Two letters and three (ISO 3166-1).
const LETTERS: &str = "AC:ASC AD:AND AE:ARE AF:AFG AG:ATG AI:AIA AL:ALB AM:ARM AO:AGO AR:ARG AS:ASM AT:AUT AU:AUS AW:ABW AX:ALA \
    AZ:AZE BA:BIH BB:BRB BD:BGD BE:BEL BF:BFA BG:BGR BH:BHR BI:BDI BJ:BEN BL:BLM BM:BMU BN:BRN BO:BOL BQ:BES BR:BRA \
    BS:BHS BT:BTN BW:BWA BY:BLR BZ:BLZ CA:CAN CC:CCK CD:COD CF:CAF CG:COG CH:CHE CI:CIV CK:COK CL:CHL CM:CMR CN:CHN \
    CO:COL CR:CRI CU:CUB CV:CPV CW:CUW CX:CXR CY:CYP CZ:CZE DE:DEU DJ:DJI DK:DNK DM:DMA DO:DOM DZ:DZA EC:ECU EE:EST \
    EG:EGY EH:ESH ER:ERI ES:ESP ET:ETH FI:FIN FJ:FJI FK:FLK FM:FSM FO:FRO FR:FRA GA:GAB GB:GBR GD:GRD GE:GEO GF:GUF \
    GG:GGY GH:GHA GI:GIB GL:GRL GM:GMB GN:GIN GP:GLP GQ:GNQ GR:GRC GT:GTM GU:GUM GW:GNB GY:GUY HK:HKG HN:HND HR:HRV \
    HT:HTI HU:HUN ID:IDN IE:IRL IL:ISR IM:IMN IN:IND IO:IOT IQ:IRQ IR:IRN IS:ISL IT:ITA JE:JEY JM:JAM JO:JOR JP:JPN \
    KE:KEN KG:KGZ KH:KHM KI:KIR KM:COM KN:KNA KP:PRK KR:KOR KW:KWT KY:CYM KZ:KAZ LA:LAO LB:LBN LC:LCA LI:LIE LK:LKA \
    LR:LBR LS:LSO LT:LTU LU:LUX LV:LVA LY:LBY MA:MAR MC:MCO MD:MDA ME:MNE MF:MAF MG:MDG MH:MHL MK:MKD ML:MLI MM:MMR \
    MN:MNG MO:MAC MP:MNP MQ:MTQ MR:MRT MS:MSR MT:MLT MU:MUS MV:MDV MW:MWI MX:MEX MY:MYS MZ:MOZ NA:NAM NC:NCL NE:NER \
    NF:NFK NG:NGA NI:NIC NL:NLD NO:NOR NP:NPL NR:NRU NU:NIU NZ:NZL OM:OMN PA:PAN PE:PER PF:PYF PG:PNG PH:PHL PK:PAK \
    PL:POL PM:SPM PR:PRI PS:PSE PT:PRT PW:PLW PY:PRY QA:QAT RE:REU RO:ROU RS:SRB RU:RUS RW:RWA SA:SAU SB:SLB SC:SYC \
    SD:SDN SE:SWE SG:SGP SH:SHN SI:SVN SJ:SJM SK:SVK SL:SLE SM:SMR SN:SEN SO:SOM SR:SUR SS:SSD ST:STP SV:SLV SX:SXM \
    SY:SYR SZ:SWZ TC:TCA TD:TCD TG:TGO TH:THA TJ:TJK TK:TKL TL:TLS TM:TKM TN:TUN TO:TON TR:TUR TT:TTO TV:TUV TW:TWN \
    TZ:TZA UA:UKR UG:UGA US:USA UY:URY UZ:UZB VA:VAT VC:VCT VE:VEN VG:VGB VI:VIR VN:VNM VU:VUT WF:WLF WS:WSM XK:XKX \
    YE:YEM YT:MYT ZA:ZAF ZM:ZMB ZW:ZWE";

/// Names in English, in the country's languages and in Indonesian, as [`plain`] has them.
const NAMES: [(&str, &str); 108] = [
    ("AE", "united arab emirates|uae|emirates|uni emirat arab|uea|الامارات"),
    ("AF", "afghanistan"),
    ("AL", "albania|shqiperia"),
    ("AM", "armenia"),
    ("AO", "angola"),
    ("AR", "argentina"),
    ("AT", "austria|osterreich|oesterreich"),
    ("AU", "australia"),
    ("AZ", "azerbaijan"),
    ("BA", "bosnia|bosnia and herzegovina|bosna i hercegovina"),
    ("BD", "bangladesh"),
    ("BE", "belgium|belgie|belgique|belgien|belgia"),
    ("BG", "bulgaria"),
    ("BH", "bahrain"),
    ("BN", "brunei|brunei darussalam"),
    ("BO", "bolivia"),
    ("BR", "brazil|brasil"),
    ("BY", "belarus"),
    ("CA", "canada|kanada"),
    ("CH", "switzerland|schweiz|suisse|svizzera|swiss"),
    ("CI", "ivory coast|cote d ivoire|pantai gading"),
    ("CL", "chile|cile"),
    ("CM", "cameroon|cameroun|kamerun"),
    ("CN", "china|peoples republic of china|people s republic of china|tiongkok|cina|中国"),
    ("CO", "colombia|kolombia"),
    ("CR", "costa rica|kosta rika"),
    ("CU", "cuba|kuba"),
    ("CY", "cyprus|siprus"),
    ("CZ", "czechia|czech republic|cesko|ceska republika|ceko|republik ceko"),
    ("DE", "germany|deutschland|jerman"),
    ("DK", "denmark|danmark"),
    ("DO", "dominican republic|republica dominicana"),
    ("DZ", "algeria|algerie|aljazair"),
    ("EC", "ecuador|ekuador"),
    ("EE", "estonia|eesti"),
    ("EG", "egypt|mesir|مصر"),
    ("ES", "spain|espana|spanyol"),
    ("ET", "ethiopia|etiopia"),
    ("FI", "finland|suomi|finlandia"),
    ("FR", "france|prancis|perancis"),
    (
        "GB",
        "united kingdom|great britain|britain|england|scotland|wales|northern ireland|britania raya|inggris",
    ),
    ("GE", "georgia"),
    ("GH", "ghana"),
    ("GR", "greece|hellas|ellada|yunani|ελλαδα"),
    ("GT", "guatemala"),
    ("HK", "hong kong|hongkong|hong kong sar|香港"),
    ("HR", "croatia|hrvatska|kroasia"),
    ("HU", "hungary|magyarorszag|hungaria"),
    ("ID", "indonesia|republic of indonesia|republik indonesia"),
    ("IE", "ireland|eire|republic of ireland|irlandia"),
    ("IL", "israel"),
    ("IN", "india|bharat|भारत"),
    ("IQ", "iraq|irak"),
    ("IR", "iran"),
    ("IS", "iceland|island|islandia"),
    ("IT", "italy|italia"),
    ("JM", "jamaica|jamaika"),
    ("JO", "jordan|yordania"),
    ("JP", "japan|nippon|nihon|jepang|日本"),
    ("KE", "kenya"),
    ("KH", "cambodia|kampuchea|kamboja"),
    ("KR", "south korea|korea|republic of korea|korea republic of|korea selatan|대한민국|한국"),
    ("KW", "kuwait"),
    ("KZ", "kazakhstan|kazakstan"),
    ("LA", "laos|lao pdr"),
    ("LB", "lebanon"),
    ("LK", "sri lanka|srilanka"),
    ("LT", "lithuania|lietuva|lituania"),
    ("LU", "luxembourg|luxemburg|luksemburg"),
    ("LV", "latvia|latvija"),
    ("MA", "morocco|maroc|maroko"),
    ("MM", "myanmar|burma"),
    ("MN", "mongolia"),
    ("MO", "macau|macao|makau"),
    ("MT", "malta"),
    ("MX", "mexico|meksiko"),
    ("MY", "malaysia"),
    ("NG", "nigeria"),
    ("NL", "netherlands|the netherlands|nederland|holland|belanda"),
    ("NO", "norway|norge|noreg|norwegia"),
    ("NP", "nepal"),
    ("NZ", "new zealand|aotearoa|selandia baru"),
    ("OM", "oman"),
    ("PE", "peru"),
    ("PG", "papua new guinea|papua nugini"),
    ("PH", "philippines|the philippines|pilipinas|filipina"),
    ("PK", "pakistan"),
    ("PL", "poland|polska|polandia"),
    ("PT", "portugal"),
    ("PY", "paraguay"),
    ("QA", "qatar"),
    ("RO", "romania|rumania"),
    ("RS", "serbia|srbija"),
    ("RU", "russia|russian federation|rusia|россия"),
    ("SA", "saudi arabia|ksa|arab saudi|السعودية"),
    ("SE", "sweden|sverige|swedia"),
    ("SG", "singapore|singapura|新加坡"),
    ("SI", "slovenia|slovenija"),
    ("SK", "slovakia|slovensko|slowakia"),
    ("TH", "thailand|prathet thai|muang thai|ประเทศไทย|ไทย"),
    ("TL", "timor leste|east timor"),
    ("TN", "tunisia|tunisie"),
    ("TR", "turkey|turkiye|turki"),
    ("TW", "taiwan|台灣|台湾"),
    ("UA", "ukraine|ukraina|украіна"),
    (
        "US",
        "united states|united states of america|the united states|u s a|u s|america|amerika serikat|amerika",
    ),
    ("VN", "vietnam|viet nam"),
    ("ZA", "south africa|suid afrika|afrika selatan"),
];

/// The two letters or the calling code of the country that somebody means, where it is known, else the text in plain
/// letters: of `GBR`, `United Kingdom` and `Inggris` the letters `GB`, of `0044` and `+44` the code `44`.
pub(super) fn meant(text: &str) -> String {
    let plain = plain(text);
    let digits = plain.trim_start_matches('+').trim_start();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.strip_prefix("00").unwrap_or(digits).to_owned();
    }
    let named =
        NAMES.iter().find(|(_, names)| names.split('|').any(|name| name == plain)).map(|(two, _)| *two);
    let lettered = || {
        let three = plain.to_ascii_uppercase();
        let mut pairs = LETTERS.split_whitespace().filter_map(|pair| pair.split_once(':'));
        pairs.find(|(_, letters)| *letters == three).map(|(two, _)| two)
    };
    named.or_else(lettered).map_or(plain.clone(), str::to_owned)
}

/// In small letters without accents, stops and brackets: `Côte d'Ivoire` as `cote d ivoire`.
fn plain(text: &str) -> String {
    let bare = text.nfd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).flat_map(char::to_lowercase);
    let spaced: String =
        bare.map(|c| if c.is_alphanumeric() || c == '+' || is_mark(c) { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect()
}

/// Vowel signs of scripts whose letters carry them.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_every_three_letters_belong_to_one_country() {
        for (letters, names) in NAMES {
            assert!(LETTERS.contains(&format!("{letters}:")), "{letters}");
            for name in names.split('|') {
                assert_eq!(plain(name), name);
                let owners =
                    NAMES.iter().filter(|(_, others)| others.split('|').any(|other| other == name)).count();
                assert_eq!(owners, 1, "{name}");
            }
        }
        for pair in LETTERS.split_whitespace() {
            let (two, three) = pair.split_once(':').unwrap();
            assert_eq!((two.len(), three.len()), (2, 3), "{pair}");
            assert_eq!(LETTERS.matches(&format!(":{three}")).count(), 1, "{three}");
        }
    }
}
