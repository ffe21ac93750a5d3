//! The words of names in several languages: what columns are called that hold personal data, and what tables are called whose
//! rows are persons.

use super::meaning::Meaning as M;
use super::names::Strength::{self, InContext, Sure};

/// Phrases by meaning: the first that a name has counts, so that longer ones go before those that they contain.
pub const PHRASES: &[(M, Strength, &str)] = &[
    (
        M::Token,
        Sure,
        "password reset token|reset token|reset password token|confirmation token|activation token|remember token|refresh token|access token|\
         auth token|api token|token|api key|apikey|access key|secret key|private key|auth key|secret|client secret|webhook secret|session key|\
         session token|session id|sess id|session data|cookie|credential|credentials|otp|otp secret|totp|mfa|bearer|recovery code|recovery codes|backup code|backup codes|\
         confirmation code|activation code|verification code|invite code|reset key|reset code|consumer secret|signing key|encryption key|\
         login key|auth code",
    ),
    (
        M::Password,
        Sure,
        "password|passwd|passwords|pwd|pass|passphrase|passwort|kennwort|mot de passe|motdepasse|contrasena|senha|wachtwoord|haslo|heslo|\
         pass crypt|pass salt|password hash|password digest|password salt|pin code|user pass",
    ),
    (
        M::Email,
        Sure,
        "email|e mail|emails|email address|emailaddress|emailaddr|mail address|mailaddress|mail adresse|mailadresse|emailadresse|courriel|correo|correo electronico|\
         epost|e post|mail from|mail to|reply to|recipient email|sender email|useremail",
    ),
    (M::Email, InContext, "mail|mails|bcc|cc"),
    (
        M::Phone,
        Sure,
        "phone|phones|phone number|phonenumber|phone no|telephone|telephone number|telephonenumber|tel|telefon|telefonnummer|telefono|telefone|telefoon|telefonnr|\
         telemovel|mobile number|mobile phone|mobilephone|cell phone|cellphone|handynummer|celular|numero telefono|fax|fax number|msisdn|\
         whatsapp|homephone|workphone|home phone|work phone",
    ),
    (M::Phone, InContext, "mobile|mobil|cell|handy|movil|portable|komorka|extension"),
    (
        M::FirstName,
        Sure,
        "first name|firstname|given name|givenname|forename|fname|vorname|vornamen|prenom|prenoms|voornaam|imie|middle name|middlename|\
         middle initial|nombre de pila|primeiro nome|primer nombre|second name|patronymic|jmeno|preferred name",
    ),
    (M::FirstName, InContext, "first|given|nombre|nome|initials"),
    (
        M::LastName,
        Sure,
        "last name|lastname|surname|family name|familyname|lname|nachname|familienname|nom de famille|apellido|apellidos|cognome|\
         sobrenome|apelido|achternaam|nazwisko|maiden name|mothers maiden|maiden|geburtsname|prijmeni|maidenname",
    ),
    (M::LastName, InContext, "last|nom|family"),
    (
        M::FullName,
        Sure,
        "full name|fullname|real name|realname|contact name|contactname|customer name|client name|patient name|employee name|person name|\
         cardholder|card holder|cardholder name|account holder|accountholder|recipient name|sender name|author name|owner name|billing name|\
         shipping name|ship name|shipname|payer name|payee name|student name|teacher name|member name|kontoinhaber|ansprechpartner|\
         nombre completo|nom complet|nome completo|legal name|name on card|manager name|head of state|candidate name|guest name|\
         kundenname|nom client|nombre cliente|nome cliente|signer name|contact person|emergency contact",
    ),
    (
        M::FullName,
        InContext,
        "name|names|naam|nazwa|display name|displayname|contact|person|author|recipient|sender|payee|payer|holder|artist",
    ),
    (
        M::Username,
        Sure,
        "username|user name|login|login name|loginname|nickname|screen name|screenname|benutzername|nutzername|nom d utilisateur|usuario|nombre de usuario|\
         gebruikersnaam|uzytkownik|nome utente|utente|twitter handle|skype|account name|twitter username|github username|telegram|userlogin",
    ),
    (
        M::Username,
        InContext,
        "nick|handle|twitter|facebook|instagram|github|linkedin|user|alias|pseudo|display name|creator name",
    ),
    (
        M::Street,
        Sure,
        "street|street address|streetaddress|street name|address line|addressline|addr line|home address|postal address|mailing address|\
         shipping address|billing address|ship address|shipaddress|billingaddress|shippingaddress|strasse|anschrift|adresse|direccion|calle|indirizzo|endereco|morada|logradouro|\
         adres|straat|ulica|house number|hausnummer|housenumber|strasse hausnummer|rue|address|addresses|address 1|address 2|ulice",
    ),
    (M::Street, InContext, "addr|via|rua|domicilio|wohnadresse|building|apartment|district"),
    (
        M::PostalCode,
        Sure,
        "zip|zipcode|zip code|postal code|postalcode|postcode|post code|plz|postleitzahl|code postal|codepostal|codigo postal|cep|\
         kod pocztowy|psc|postnummer|shippostalcode",
    ),
    (M::PostalCode, InContext, "postal|cap"),
    (
        M::BirthDate,
        Sure,
        "birth date|birthdate|birthday|date of birth|dateofbirth|dob|born on|geburtsdatum|geburtstag|date de naissance|date naissance|naissance|\
         fecha de nacimiento|fecha nacimiento|nacimiento|data di nascita|nascita|data de nascimento|nascimento|geboortedatum|data urodzenia|\
         datum narozeni|birth year|year of birth|born|birth",
    ),
    (
        M::NationalId,
        Sure,
        "ssn|social security|social security number|national id|nationalid|national identifier|passport|passport number|passport no|\
         driver license|drivers license|driving licence|driver licence|tax id|taxid|tax number|tin|nino|national insurance|nhs number|\
         personnummer|pesel|dni|nie|nif|cpf|curp|rfc|bsn|codice fiscale|steuernummer|steuer id|sozialversicherungsnummer|ausweisnummer|\
         numero securite sociale|securite sociale|aadhaar|id card number|identity number|identity card|rodne cislo|reisepass|license number|licence number|\
         medical record number|mrn",
    ),
    (
        M::Card,
        Sure,
        "card number|cardnumber|credit card|creditcard|credit card number|cc number|ccnumber|ccnum|kartennummer|tarjeta|carte bancaire|pan|kreditkarte",
    ),
    (M::CardCode, Sure, "cvv|cvv 2|cvc|cvc 2|cvn|card code|card security code"),
    (
        M::BankAccount,
        Sure,
        "iban|bank account|bankaccount|bank account number|kontonummer|konto nr|bankverbindung|routing number|sort code|account number|numero de cuenta|numero conto|bic",
    ),
    (
        M::Ip,
        Sure,
        "ip|ip address|ipaddress|ip addr|ipaddr|remote addr|remote address|client ip|last ip|last login ip|user ip|host ip|last ip addr|creator ip addr|\
         updater ip addr|ips",
    ),
    (
        M::Device,
        Sure,
        "mac address|macaddress|mac addr|imei|imsi|idfa|device id|deviceid|device identifier|hardware id|udid|advertising id",
    ),
    (M::UserAgent, Sure, "user agent|useragent|browser user agent|http user agent"),
    (
        M::Coordinates,
        Sure,
        "latitude|longitude|coordinates|geolocation|gps|home lat|home lon|home location|breitengrad|laengengrad|latitud|longitud",
    ),
    (M::Coordinates, InContext, "lat|lon|lng|geo|geopoint|position"),
    (
        M::Sensitive,
        Sure,
        "diagnosis|religion|ethnicity|disability|sexual orientation|political party|medication|medications|allergies|\
         blood type|bloodtype|blood group|blutgruppe|medical history|salary|wage|gehalt|lohn|salaire|salario|stipendio|income|\
         union membership|hiv status|marital status|weight kg",
    ),
    (M::Sensitive, InContext, "race|pounds|kilograms|pay|party|health"),
    (M::Picture, Sure, "avatar|selfie|portrait|profile picture|profile photo|fingerprint image|signature image"),
    (M::Picture, InContext, "picture|photo|photograph|foto|image"),
    (
        M::Job,
        InContext,
        "job title|job|occupation|profession|beruf|metier|profesion|professione|profissao|beroep|zawod|contact title",
    ),
    (
        M::Company,
        InContext,
        "employer|company|company name|companyname|arbeitgeber|employeur|firma|empresa|azienda|bedrijf|entreprise|organization name|organisation",
    ),
    (
        M::FreeText,
        InContext,
        "vcard|bio|biography|about|about me|aboutme|signature|notes|note|remarks|remark|feedback|message|messages|body|comment|comments|memo|\
         bemerkung|bemerkungen|notiz|notizen|kommentar|nachricht|commentaire|remarque|comentario|comentarios|nota|mensaje|observaciones|\
         messaggio|commento|mensagem|opmerking|opmerkingen|bericht|uwagi|komentarz|profile|resume|cover letter|reason|dmail|statement|changes",
    ),
    (
        M::City,
        InContext,
        "city|town|locality|suburb|wohnort|stadt|ville|ciudad|citta|cidade|woonplaats|miasto|mesto|municipality|commune|ort|birthplace|place of birth|birth place|geburtsort|shipcity",
    ),
];

/// Words that speak about data: a column with one of them at its end holds none itself.
pub const ABOUT: &str = "
 count counts type types status state format formats template templates enabled disabled verified confirmed confirmation flag flags length size sent
 provider providers class kind kinds level color colour version options option policy policies rule rules pattern regex label labels required
 visible visibility hidden optional index order sort rank position priority category categories mode method source algorithm iterations expires
 expiry expiration at on by date time timestamp ttl limit max min total num number_of quota score rate ratio percent currency unit units language
 lang locale timezone zone field fields column columns attribute attributes domain id ids uuid guid ref hash_algorithm checksum encoding charset
 interval frequency prefix suffix subject title code codes country set sets preference preferences setting settings notification notifications enc
";

/// Words that make a name the name of something else.
pub const OTHER_NAMES: &str = "
 file product item category tag table column field event class type host server domain brand model package module project repo repository branch
 role group permission plan feature theme template page menu route queue job task service app application schema database index key param metric
 device sensor station city country region state currency language color colour size unit tax track album genre playlist film movie book song
 code short long system class internal variable config setting layer node
";

/// Words of tables whose rows are persons, or belong to one.
pub const PERSONS: &str = "
 user users person persons people customer customers client clients contact contacts employee employees staff member members patient patients student
 students teacher teachers account accounts author authors subscriber subscribers actor actors passenger passengers guest guests driver drivers applicant
 applicants candidate candidates lead leads profile profiles address addresses participant participants doctor doctors identity identities owner owners
 admin admins recipient recipients supplier suppliers vendor vendors beneficiary donor donors tenant tenants player players attendee attendees
 registration registrations signup signups invitation invitations order orders invoice invoices booking bookings reservation reservations payment
 payments comment comments message messages messages dmail dmails note notes review reviews feedback diary post posts
 kunde kunden benutzer nutzer mitarbeiter mitglied mitglieder personen adresse adressen utilisateur utilisateurs personne personnes employes membre
 membres usuario usuarios cliente clientes persona personas empleado empleados utente utenti clienti persone dipendente dipendenti utilizador
 funcionario funcionarios pessoa pessoas gebruiker gebruikers klant klanten medewerker medewerkers personeel uzytkownik uzytkownicy klient klienci
 pracownik pracownicy osoba osoby
";

/// Words of tables of other things, which have names, cities and addresses too.
pub const THINGS: &str = "
 product products item items category categories tag tags city cities country countries region regions state states language languages currency
 currencies film films movie movies album albums track tracks genre genres playlist playlists book books song songs store stores shop shops
 warehouse warehouses airport airports hotel hotels school schools company companies department departments shipper shippers territory territories
 role roles permission permissions setting settings config configs job jobs migration migrations media file files template templates event events
 node nodes way ways relation relations wiki page pages pool pools artist artists artists artist_urls artwork artworks version versions versions
";
