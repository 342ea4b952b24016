//! What columns hold, by what people call them.

/// Columns with telephone numbers, in small letters and digits.
pub(crate) const PHONE: [&str; 38] = [
    "phone",
    "phoneno",
    "phonenr",
    "telephone",
    "telephonenumber",
    "tel",
    "telno",
    "mobile",
    "mobileno",
    "mobilenumber",
    "mobilephone",
    "mobilephonenumber",
    "cell",
    "cellphone",
    "msisdn",
    "contactnumber",
    "number",
    "whatsapp",
    "whatsappnumber",
    "nomorhp",
    "nohp",
    "hp",
    "handphone",
    "nomorhandphone",
    "nomortelepon",
    "notelepon",
    "notelp",
    "telp",
    "telepon",
    "nomortelp",
    "nomorponsel",
    "ponsel",
    "nomorwa",
    "nowa",
    "telefon",
    "telefonnummer",
    "telefono",
    "teléfono",
];
/// Columns with names of people.
pub(crate) const NAME: [&str; 9] = [
    "fullname",
    "customername",
    "contactname",
    "nama",
    "namalengkap",
    "namapelanggan",
    "nombre",
    "nom",
    "namakontak",
];
/// Columns with the ids that people have elsewhere.
pub(crate) const ID: [&str; 4] = ["contactidentifier", "idkontak", "kontakid", "contactno"];
/// More of these, where nothing is replaced by them.
const MORE_IDS: [&str; 11] = [
    "contactid",
    "externalid",
    "customerid",
    "custid",
    "clientid",
    "idpelanggan",
    "nopelanggan",
    "nomorpelanggan",
    "idnasabah",
    "nonasabah",
    "id",
];
/// Columns with countries.
pub(crate) const COUNTRY: [&str; 12] = [
    "countrycode",
    "countryname",
    "countryiso",
    "isocountry",
    "callingcode",
    "dialcode",
    "negara",
    "kodenegara",
    "namanegara",
    "land",
    "pais",
    "país",
];
const ZONE: [&str; 8] =
    ["timezone", "zone", "tz", "timezonename", "zonawaktu", "zona", "zeitzone", "zonahoraria"];
const CONSENT_AT: [&str; 14] = [
    "consentat",
    "consentdate",
    "consentedat",
    "consenttime",
    "consenttimestamp",
    "dateofconsent",
    "optinat",
    "optindate",
    "optintime",
    "optintimestamp",
    "tanggalpersetujuan",
    "tglpersetujuan",
    "waktupersetujuan",
    "tanggalsetuju",
];
const CONSENT_SOURCE: [&str; 7] = [
    "consentsource",
    "consentfrom",
    "optinsource",
    "optinchannel",
    "sumberpersetujuan",
    "asalpersetujuan",
    "saluranpersetujuan",
];

/// `Phone Number`, `phone_number` and `PhoneNumber` as `phonenumber`.
pub(crate) fn plain_name(field: &str) -> String {
    field.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The place of the one named exactly so, else of the first that is called alike.
pub(crate) fn place(names: &[String], exact: &str, others: &[&[&str]]) -> Option<usize> {
    let exactly = names.iter().position(|name| name == exact);
    exactly
        .or_else(|| names.iter().position(|name| others.iter().any(|known| known.contains(&name.as_str()))))
}

/// Where the number is, by the names of columns.
pub(crate) fn phone_column(header: &[String]) -> Option<usize> {
    let names: Vec<String> = header.iter().map(|field| plain_name(field)).collect();
    place(&names, "phonenumber", &[&PHONE])
}

/// Places of columns whose names tell what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) phone: Option<usize>,
    pub(super) name: Option<usize>,
    pub(super) zone: Option<usize>,
    pub(super) country: Option<usize>,
    pub(super) external_id: Option<usize>,
    pub(super) consent_at: Option<usize>,
    pub(super) consent_source: Option<usize>,
}

impl Places {
    pub(super) fn of(header: &[String]) -> Self {
        let names: Vec<String> = header.iter().map(|field| plain_name(field)).collect();
        Self {
            phone: place(&names, "phonenumber", &[&PHONE]),
            name: place(&names, "name", &[&NAME]),
            zone: place(&names, "timezone", &[&ZONE]),
            country: place(&names, "country", &[&COUNTRY]),
            external_id: place(&names, "externalid", &[&ID, &MORE_IDS]),
            consent_at: place(&names, "consentat", &[&CONSENT_AT]),
            consent_source: place(&names, "consentsource", &[&CONSENT_SOURCE]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_as_people_spell_them() {
        let header: Vec<String> = [
            "ID Pelanggan",
            "Nama",
            "No. HP",
            "Zona Waktu",
            "Negara",
            "Tanggal Persetujuan",
            "Sumber persetujuan",
            "Jumlah",
        ]
        .map(str::to_owned)
        .into();
        let found = Places::of(&header);
        assert_eq!(found.external_id, Some(0));
        assert_eq!((found.name, found.phone, found.zone), (Some(1), Some(2), Some(3)));
        assert_eq!((found.country, found.consent_at, found.consent_source), (Some(4), Some(5), Some(6)));
        let both = ["mobile", "phone_number"].map(str::to_owned);
        assert_eq!(phone_column(&both), Some(1));
        assert_eq!(phone_column(&["name".to_owned()]), None);
    }
}
