//! What the columns of a table hold, by what people call them.

/// What columns are called, in small letters and digits.
pub(super) const PHONE: [&str; 38] = [
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
const NAME: [&str; 9] = [
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
const ID: [&str; 4] = ["contactidentifier", "idkontak", "kontakid", "contactno"];
const COUNTRY: [&str; 12] = [
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

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) enum Column {
    ContactId,
    PhoneNumber,
    Name,
    Flow,
    /// Where a number is at home; a variable of the flow, too, by its own name.
    Country(String),
    /// A variable of the flow, by its own name.
    Other(String),
}

/// What the columns hold. Of several that could be the number's, one named exactly so, else the first.
pub(super) fn columns(fields: &[String]) -> Vec<Column> {
    let names: Vec<String> = fields.iter().map(|field| plain_name(field)).collect();
    let place = |exact: &str, others: &[&str]| {
        let exactly = names.iter().position(|name| name == exact);
        exactly.or_else(|| names.iter().position(|name| others.contains(&name.as_str())))
    };
    let phone = place("phonenumber", &PHONE);
    let (name, id, flow) = (place("name", &NAME), place("contactid", &ID), place("flow", &[]));
    let country = place("country", &COUNTRY);
    let column = |(at, field): (usize, &String)| match Some(at) {
        at if at == phone => Column::PhoneNumber,
        at if at == name => Column::Name,
        at if at == id => Column::ContactId,
        at if at == flow => Column::Flow,
        at if at == country => Column::Country(field.clone()),
        _ => Column::Other(field.clone()),
    };
    fields.iter().enumerate().map(column).collect()
}

/// Why a row could not tell which of two columns is meant: both have one name.
pub(super) fn twice(fields: &[String], columns: &[Column]) -> Option<String> {
    fields.iter().enumerate().find_map(|(at, field)| {
        let known = |at: usize| columns.get(at).is_some_and(|column| !matches!(column, Column::Other(_)));
        let other = fields.iter().take(at).position(|earlier| earlier == field).or_else(|| {
            let same = |earlier: &String| plain_name(earlier) == plain_name(field);
            let (earlier, _) = fields.iter().enumerate().take(at).find(|(_, earlier)| same(earlier))?;
            (known(earlier) || known(at)).then_some(earlier)
        })?;
        let (one, two) = (other + 1, at + 1);
        let earlier = fields.get(other)?;
        (!field.is_empty()).then(|| {
            format!(
                "columns {one} (`{earlier}`) and {two} (`{field}`) have one name; rename one, or take it out"
            )
        })
    })
}

/// `Phone Number`, `phone_number` and `PhoneNumber` as `phonenumber`.
pub(super) fn plain_name(field: &str) -> String {
    field.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
