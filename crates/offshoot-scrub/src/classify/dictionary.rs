//! Words by which names, addresses, companies and jobs are known: those of the crate `fake`, and small tables for languages
//! that it has not. All are compared in lower case and without accents.

use std::collections::HashSet;
use std::sync::OnceLock;

use fake::locales::{
    AR_SA, CY_GB, DE_DE, Data, EN, FA_IR, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR, ZH_CN, ZH_TW,
};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// First names of languages that the crate has no list of, by how common they are there.
const FIRST_NAMES: &str = "
 james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald steven paul andrew joshua
 kenneth kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon
 benjamin samuel gregory alexander patrick raymond jack dennis jerry tyler aaron jose adam nathan henry douglas zachary peter kyle noah ethan
 mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty sandra margaret ashley kimberly emily donna michelle
 carol amanda melissa deborah stephanie rebecca sharon laura cynthia dorothy amy kathleen angela shirley emma brenda pamela nicole anna samantha
 katherine christine helen debra rachel carolyn janet maria catherine heather diane olivia julie joyce victoria kelly christina lauren joan
 evelyn judith andrea hannah megan cheryl jacqueline martha madison teresa gloria sara janice ann kathryn abigail sophia frances jean alice
 judy isabella julia grace amber denise danielle marilyn beverly charlotte natalie theresa diana brittany doris kayla alexis lori marie shelby
 alejandro antonio carlos diego fernando francisco javier jorge jose juan luis manuel miguel pablo pedro rafael raul roberto sergio
 ana beatriz carmen cristina dolores elena isabel laura lucia maria marta mercedes paula pilar raquel rosa sofia teresa joaquin ignacio
 adam andrzej bartosz dariusz grzegorz jakub jan jerzy kamil krzysztof lukasz maciej marcin marek mariusz mateusz michal pawel piotr rafal
 robert slawomir stanislaw szymon tomasz wojciech zbigniew agnieszka aleksandra anna barbara beata danuta dorota ewa grazyna halina iwona
 joanna justyna katarzyna krystyna magdalena malgorzata monika natalia renata sylwia teresa urszula zofia
 ales frantisek jaroslav jiri josef ladislav lukas martin milan miroslav ondrej petr radek stepan vaclav vladimir vojtech zdenek alena
 eva hana irena ivana jana jarmila jirina kamila lenka lucie marketa marie vera veronika zdenka jitka libuse
 anders axel bengt bjorn bo erik fredrik goran gunnar gustav hakan hans henrik jens johan jonas karl kjell lars leif magnus mats mikael
 niels nils ola olof ove per peter rolf stefan sven thomas tomas torsten ulf kristian mads morten rasmus soren jesper kasper simon
 astrid birgitta britt camilla charlotte elin elsa emma eva freja frida gunilla hanna helena ida inger ingrid jenny johanna julia karin
 kerstin kristina lena linnea liv lisbeth malin margareta maja marit mette pernille rikke sara signe sigrid sofie solveig susanne ulla
 aino antti eero heikki jari juha jukka kari lauri markku matti mika mikko pekka petri risto sami seppo tapio timo veikko aila anja
 anneli eija helmi kaisa kirsi leena liisa maarit minna outi paivi pirjo riitta ritva satu sirpa tarja tuula
 attila balazs bela csaba ferenc gabor gergely gyorgy imre istvan janos jozsef karoly laszlo lajos miklos sandor tamas zoltan zsolt agnes
 aniko edit erika erzsebet eszter ildiko ilona judit julianna katalin krisztina maria piroska szilvia tunde zsuzsanna
 aleksandr aleksei alexei anatoly andrei boris denis dmitri dmitry evgeny fyodor igor ivan konstantin leonid maxim mikhail nikita nikolai
 oleg pavel roman sergei sergey stanislav valery vasily viktor vitaly vladislav yuri alina anastasia daria ekaterina galina irina ksenia
 larisa lyudmila marina nadezhda natalya oksana olga polina svetlana tatiana valentina yulia zoya
 ante branko dejan dragan goran ivica josip luka marko milos nemanja nikola predrag srdjan stjepan vladan zeljko zoran andreja biljana
 branka dragana jasna jelena ljiljana mateja milica mirjana natasa snezana tamara tanja vesna
 alexandru bogdan ciprian constantin cristian florin george gheorghe ion ionut marius mihai nicolae radu stefan vasile vlad adriana
 alina andreea carmen cristina daniela elena gabriela ileana ioana mihaela mirela simona viorica
 alexandros athanasios christos dimitrios dimitris evangelos georgios giannis ioannis konstantinos kostas nikolaos panagiotis spyros stavros
 vasilis aikaterini despina eleni ioanna katerina konstantina maria sofia stavroula vasiliki
 aarav amit anil arjun arun ashok deepak ganesh gaurav krishna kumar manoj mohan nikhil pradeep prakash rahul raj rajesh ramesh ravi
 rohit sandeep sanjay sunil suresh vijay vikram vinod aditi anita anjali deepa divya kavita lakshmi meena neha nisha pooja priya radha
 rekha sunita swati usha
 anh bao cuong dung duc hai hieu hoang hung huy khanh long minh nam phong quang son thang tuan viet hanh hoa huong lan linh mai ngoc
 phuong thao thu trang tuyet yen wei jing hui xin ying jun ling xiao yan yong min seung hyun jae soo eun hye kyung young ahmad ali bilal
 fatima hamza hassan hussein ibrahim imran karim khalid layla mahmoud mariam mohamed mohammed muhammad mustafa nadia omar osama rania
 samir sana tariq yasmin yusuf zahra zainab abebe chidi chinedu emeka femi kofi kwame kwesi ngozi olu tunde wanjiru amara
 arnaud benoit brigitte camille cedric cyril delphine didier emilie fabien fabrice florence franck gaelle gerard gilles herve honore
 jacques jerome laurent lionel loic luc marcel mathieu maxime michel nathalie olivier pascal patrice philippe pierre quentin regis remi
 rene sandrine sebastien serge stephane sylvain sylvie thierry valerie veronique vincent virginie xavier yann yves yvonne
 andre bernd birgit christoph claudia detlef dieter dirk dominik elke frank friedrich gabriele gerd gunter heike heinz helga helmut holger
 horst ines ingo jorg jurgen kai karsten katja katrin klaus kurt lutz manfred matthias monika norbert olaf petra rainer ralf reinhard
 rudiger sabine silke susanne sven swen tanja thorsten torsten udo ulrich ulrike ursula uwe volker walter werner wolfgang
 aoife ciaran declan eoin fergus fionn grainne liam maeve niamh oisin orla padraig roisin saoirse seamus sean siobhan
";

/// Last names of languages that the crate has no list of.
const LAST_NAMES: &str = "
 garcia rodriguez gonzalez fernandez lopez martinez sanchez perez gomez martin jimenez ruiz hernandez diaz moreno alvarez munoz romero alonso
 gutierrez navarro torres dominguez vazquez ramos gil ramirez serrano blanco molina morales suarez ortega delgado castro ortiz rubio marin
 nowak kowalski wisniewski dabrowski lewandowski wojcik kaminski kowalczyk zielinski szymanski wozniak kozlowski jankowski mazur
 krawczyk kaczmarek piotrowski grabowski pawlak michalski krol wieczorek jablonski wrobel
 novak svoboda novotny dvorak cerny prochazka kucera vesely horak nemec pokorny marek pospisil hajek jelinek kral ruzicka benes fiala
 sedlak andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson pettersson jonsson jansson hansson
 bengtsson lindberg lindstrom lindqvist lundgren berglund bergstrom sandberg forsberg sjoberg ek holm nystrom eklund
 jensen nielsen hansen pedersen andersen christensen larsen sorensen rasmussen jorgensen petersen madsen kristensen olsen thomsen
 christiansen poulsen johansen moller mortensen bakken haugen berg dahl lund solberg strand moen
 korhonen virtanen makinen nieminen makela hamalainen laine heikkinen koskinen jarvinen lehtonen lehtinen saarinen salminen heinonen
 nagy kovacs toth szabo horvath varga kiss molnar nemeth farkas balogh papp takacs juhasz lakatos meszaros olah simon racz fekete
 ivanov smirnov kuznetsov popov sokolov lebedev kozlov novikov morozov petrov volkov solovyov vasiliev zaitsev pavlov semenov golubev
 shevchenko kovalenko bondarenko tkachenko kravchenko oliynyk melnyk horvat kovacevic babic maric juric novak jovanovic petrovic nikolic
 popescu ionescu popa pop radu stan dumitru stoica gheorghe rusu munteanu papadopoulos pappas georgiou
 kumar sharma singh patel gupta verma mehta reddy rao nair iyer shah joshi das khan chatterjee mukherjee banerjee agarwal
 nguyen tran le pham hoang huynh vo dang bui do ngo duong kim lee park choi jung kang cho yoon jang lim han shin seo kwon wang li zhang
 liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang tan wong chan cheung leung ng ho
 bernard thomas petit robert richard durand dubois moreau laurent simon michel lefebvre leroy roux bertrand morel fournier girard bonnet
 dupont lambert fontaine rousseau blanc guerin muller faure garnier chevalier francois legrand gauthier perrin robin clement morin
 nicolas henry roussel gautier masson marchand duval denis dumont lemaire noel meyer dufour meunier blanchard
 schmidt schneider fischer weber wagner becker schulz hoffmann koch bauer richter klein wolf schroder neumann schwarz zimmermann braun
 kruger hofmann hartmann lange schmitt werner krause lehmann schmid schulze maier kohler herrmann konig mayer huber kaiser fuchs peters
 lang scholz moller weiss jung hahn vogel friedrich gunther keller schubert frank berger winkler roth beck lorenz baumann
 smith jones taylor brown williams wilson johnson davies robinson wright thompson evans walker white roberts green hall wood jackson
 clarke clark harris lewis hughes edwards turner hill moore ward watson morrison mitchell anderson scott young king allen baker
 murphy kelly osullivan walsh obrien byrne ryan oconnor oneill reilly doyle mccarthy gallagher doherty kennedy lynch murray quinn
 macdonald campbell stewart mackenzie fraser cameron hamilton mclean
";

/// Endings of last names that few other words have.
const LAST_NAME_ENDINGS: [&str; 37] = [
    "ova", "sson", "sen", "dottir", "ovic", "evic", "enko", "chuk", "wski", "wska", "ski", "ska", "wicz", "czyk",
    "czak", "escu", "poulos", "akis", "idis", "ov", "ev", "eva", "inen", "shvili", "adze", "yan", "ian", "ez", "strom",
    "qvist", "quist", "gren", "mann", "meier", "ssen", "stra", "inga",
];

/// Words of other meanings that are names too: alone, in a sentence, they are none.
const NOT_ALONE: &str = "
 a an and the of in on at to for art april may june july august autumn summer easter christmas chance chase christian clay cliff crystal daisy
 dawn dean dell destiny diamond drew earl faith flora florida forest frank gene general genesis georgia grace grant green guy harmony heather
 heaven holly hope hunter iris ivory ivy jack jade jordan joy justice king lane lily lucky major mark max melody mercy miracle misty
 my myrtle may mason olive page paris pat patience pearl prince princess queen rain ray reed rich river rob robin rocky rod rose ruby
 rusty sage sandy savannah serenity sierra skip sky star sterling sunny terry trinity trey violet virginia will willow wilson
 dallas austin houston denver london chelsea israel china india asia america ireland kenya baby bell bill bud buck candy carol chad charity
 cole dale dan don dusty faye fern gay gray brown black white young long short small may will can do ok de la van von le di da my me he she we
 an lan son long hai nam mai min ho he ma le do vo ng an do so no it is be by as or if all any new old good great best other more here there
 dear hello please thanks thank regards yours sincerely sir madam monday tuesday wednesday thursday friday saturday sunday january february
 march september october november december english german french spanish italian american british europe labor day
 jan den per ola bo lang land bank post office price park hall wood hill ward cook baker miller taylor church bush rice west north south east
 star case love case court day days field fields rose stone waters wells banks brooks rivers forest page pope bishop knight sharp hardy swift
";

/// Parts of street names, as words of their own.
const STREET_WORDS: &str = "
 street st str road rd avenue ave av lane ln drive dr boulevard blvd bvd blv way wy court ct place pl square sq terrace tce ter crescent cres close
 highway hwy parkway pkwy circle cir trail trl route rte row mews quay alley walk gardens grove rise parade esplanade
 rue chemin impasse allee quai faubourg cours passage ruelle avenue place
 via viale piazza piazzale corso vicolo largo strada
 calle carrer avenida avda plaza paseo camino carretera ronda c/ cra travesia glorieta carrera
 rua travessa praca largo alameda estrada beco
 strasse str. gasse weg platz allee ufer ring damm chaussee
 straat laan plein gracht kade dijk dreef steenweg
 ulica ul aleja al plac os osiedle ulice namesti trida
 gatan gata vagen vag vej vejen gade alle veg veien gate
 katu tie tanav tn mnt
 utca ut ter korut kozto rkp
 strada bulevardul calea ulitsa prospekt leoforos odos jalan jl
 box postfach postbus casella apartado
 apt apartment suite ste flat unit floor
";

/// Ends of one-word street names.
const STREET_ENDINGS: [&str; 34] = [
    "strasse", "straße", "str.", "gasse", "weg", "platz", "allee", "ufer", "damm", "straat", "laan", "plein", "gracht",
    "kade", "dijk", "dreef", "singel", "gatan", "vagen", "gata", "vej", "gade", "stien", "veien", "gata", "vegen",
    "katu", "tie", "polku", "utca", "gaten", "stigen", "grand", "steig",
];

/// Large cities, in the names that they have at home and in English.
const CITIES: &str = "
 london|paris|berlin|madrid|rome|roma|vienna|wien|prague|praha|warsaw|warszawa|budapest|amsterdam|rotterdam|den haag|utrecht|eindhoven|brussels
 |bruxelles|antwerp|antwerpen|ghent|lisbon|lisboa|porto|braga|coimbra|barcelona|valencia|sevilla|seville|zaragoza|malaga|bilbao|murcia|munich
 |munchen|hamburg|cologne|koln|frankfurt|stuttgart|dusseldorf|dortmund|essen|leipzig|dresden|bremen|hannover|nuremberg|nurnberg|bonn|mannheim
 |karlsruhe|zurich|geneva|geneve|basel|bern|lausanne|graz|linz|salzburg|innsbruck|milan|milano|naples|napoli|turin|torino|palermo|genoa|genova
 |bologna|florence|firenze|venice|venezia|verona|bari|catania|lyon|marseille|toulouse|nice|nantes|strasbourg|montpellier|bordeaux|lille|rennes
 |reims|toulon|grenoble|dijon|angers|nimes|brest|copenhagen|kobenhavn|aarhus|odense|aalborg|stockholm|goteborg|gothenburg|malmo|uppsala|oslo
 |bergen|trondheim|stavanger|helsinki|espoo|tampere|turku|oulu|krakow|lodz|wroclaw|poznan|gdansk|szczecin|lublin|katowice|brno|ostrava|plzen
 |bratislava|kosice|debrecen|szeged|pecs|gyor|bucharest|bucuresti|cluj-napoca|timisoara|iasi|sofia|plovdiv|varna|athens|thessaloniki|belgrade
 |beograd|zagreb|ljubljana|sarajevo|skopje|tirana|kyiv|kiev|lviv|odessa|kharkiv|moscow|saint petersburg|minsk|riga|vilnius|tallinn|tartu
 |reykjavik|dublin|cork|galway|limerick|belfast|edinburgh|glasgow|aberdeen|cardiff|swansea|birmingham|manchester|liverpool|leeds|sheffield
 |bristol|nottingham|leicester|newcastle|oxford|cambridge|york|brighton|plymouth|new york|los angeles|chicago|houston|phoenix|philadelphia
 |san antonio|san diego|dallas|san jose|austin|jacksonville|fort worth|columbus|charlotte|indianapolis|san francisco|seattle|denver|washington
 |boston|el paso|nashville|detroit|oklahoma city|portland|las vegas|memphis|louisville|baltimore|milwaukee|albuquerque|tucson|fresno|sacramento
 |kansas city|atlanta|omaha|raleigh|miami|oakland|minneapolis|tulsa|tampa|new orleans|cleveland|honolulu|pittsburgh|cincinnati|st. louis|orlando
 |buffalo|toronto|montreal|vancouver|calgary|edmonton|ottawa|winnipeg|quebec|hamilton|halifax|mexico city|guadalajara|monterrey|puebla|tijuana
 |bogota|medellin|cali|caracas|lima|quito|guayaquil|santiago|buenos aires|cordoba|rosario|mendoza|montevideo|asuncion|la paz|sao paulo
 |rio de janeiro|brasilia|salvador|fortaleza|belo horizonte|curitiba|recife|porto alegre|manaus|havana|san juan|santo domingo|istanbul|ankara
 |izmir|bursa|antalya|tel aviv|jerusalem|haifa|beirut|damascus|amman|baghdad|tehran|riyadh|jeddah|dubai|abu dhabi|doha|kuwait city|cairo
 |alexandria|casablanca|rabat|tunis|algiers|tripoli|lagos|abuja|accra|nairobi|addis ababa|johannesburg|cape town|durban|pretoria|dakar|kampala
 |mumbai|delhi|new delhi|bangalore|bengaluru|hyderabad|chennai|kolkata|pune|ahmedabad|jaipur|karachi|lahore|islamabad|dhaka|colombo|kathmandu
 |bangkok|hanoi|ho chi minh city|saigon|singapore|kuala lumpur|jakarta|manila|beijing|shanghai|guangzhou|shenzhen|hong kong|taipei|seoul|busan
 |tokyo|osaka|kyoto|yokohama|nagoya|sapporo|fukuoka|sydney|melbourne|brisbane|perth|adelaide|canberra|hobart|auckland|wellington|christchurch
";

/// What names of companies end with.
const COMPANY_ENDINGS: &str = "
 inc inc. incorporated llc l.l.c. ltd ltd. limited plc corp corp. corporation co co. company group holding holdings gmbh ag kg ohg ug e.v. ev se
 sa s.a. sas sarl s.a.r.l. srl s.r.l. spa s.p.a. sl s.l. slu bv b.v. nv n.v. ab as a/s aps oy oyj sp.z.o.o. z.o.o. kft zrt lda lda. ltda
 ltda. pty pvt kk sons partners associates bros industries enterprises solutions consulting technologies systems services international
 software labs ventures
";

/// What names of jobs end with.
const JOB_ENDINGS: &str = "
 accountant actor actuary administrator advisor adviser agent analyst architect artist assistant associate attendant attorney baker barista
 biologist bookkeeper broker builder buyer carpenter cashier chef chemist clerk coach collector conductor consultant contractor controller cook
 coordinator counselor courier dentist designer developer director dispatcher doctor driver economist editor electrician engineer examiner
 executive facilitator farmer fighter firefighter geologist guard guide hairdresser handler host inspector installer instructor interpreter
 investigator janitor journalist judge laborer lawyer lecturer librarian machinist manager mechanic mechanician model nurse officer operator
 optician orderly painter paramedic pharmacist photographer physician physicist pilot planner plumber policeman porter president producer
 professor programmer psychologist receptionist repairer reporter representative researcher salesman salesperson scientist secretary server
 specialist strategist student superintendent supervisor surgeon surveyor tailor teacher technician technologist teller therapist trader trainer
 translator treasurer tutor typist undertaker vet veterinarian waiter welder worker writer zoologist kaufmann ingenieur lehrer leiter
 sachbearbeiter verkaufer arzt ingenieure professeur infirmier comptable directeur ingeniero profesor contador medico ingegnere insegnante
";

/// What is said before a name.
const HONORIFICS: &str = "
 mr mr. mrs mrs. ms ms. miss dr dr. prof prof. sir madam herr frau hr hr. fr fr. monsieur madame mme mme. mlle m. sr sr. sra sra. senor senora
 don dona signor signora sig sig. pan pani dhr dhr. mevr mevr. mw mw. shri smt
";

/// A text in lower case, composed, without accents.
#[must_use]
pub fn plain(text: &str) -> String {
    text.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'ł' => 'l',
            'ø' => 'o',
            'đ' => 'd',
            'ı' => 'i',
            other => other,
        })
        .collect()
}

fn first_names() -> &'static HashSet<String> {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| {
        let lists = [
            EN.first(),
            DE_DE.first(),
            FR_FR.first(),
            IT_IT.first(),
            NL_NL.first(),
            PT_BR.first(),
            PT_PT.first(),
            TR_TR.first(),
            CY_GB.first(),
            AR_SA.first(),
            FA_IR.first(),
            JA_JP.first(),
            ZH_CN.first(),
            ZH_TW.first(),
        ];
        lists.into_iter().flatten().map(|name| plain(name)).chain(words(FIRST_NAMES)).collect()
    })
}

fn last_names() -> &'static HashSet<String> {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| {
        let lists = [
            EN.last(),
            DE_DE.last(),
            FR_FR.last(),
            IT_IT.last(),
            NL_NL.last(),
            PT_BR.last(),
            PT_PT.last(),
            TR_TR.last(),
            CY_GB.last(),
            AR_SA.last(),
            FA_IR.last(),
            JA_JP.last(),
            ZH_CN.last(),
            ZH_TW.last(),
        ];
        lists.into_iter().flatten().map(|name| plain(name)).chain(words(LAST_NAMES)).collect()
    })
}

fn countries() -> &'static HashSet<String> {
    static SET: OnceLock<HashSet<String>> = OnceLock::new();
    SET.get_or_init(|| {
        let lists = [
            EN.countries(),
            DE_DE.countries(),
            FR_FR.countries(),
            IT_IT.countries(),
            PT_BR.countries(),
            NL_NL.countries(),
        ];
        lists.into_iter().flatten().map(|name| plain(name)).collect()
    })
}

/// Lists of one language.
trait Lists: Data {
    fn first(&self) -> &'static [&'static str] {
        Self::NAME_FIRST_NAME
    }
    fn last(&self) -> &'static [&'static str] {
        Self::NAME_LAST_NAME
    }
    fn countries(&self) -> &'static [&'static str] {
        Self::ADDRESS_COUNTRY
    }
}

impl<D: Data> Lists for D {}

fn words(table: &'static str) -> impl Iterator<Item = String> {
    table.split_whitespace().map(str::to_owned)
}

macro_rules! sets {
    ($($name:ident: $table:ident;)*) => {$(
        fn $name(word: &str) -> bool {
            static SET: OnceLock<HashSet<String>> = OnceLock::new();
            SET.get_or_init(|| words($table).collect()).contains(word)
        }
    )*};
}

sets! {
    is_street_word: STREET_WORDS;
    is_company_ending: COMPANY_ENDINGS;
    is_job_ending: JOB_ENDINGS;
    is_honorific_word: HONORIFICS;
    is_common_word: NOT_ALONE;
}

/// Whether a word, as [`plain`] writes it, is a first name somewhere.
#[must_use]
pub fn is_first_name(word: &str) -> bool {
    first_names().contains(word) || word.contains('-') && word.split('-').all(|part| first_names().contains(part))
}

/// Whether a word, as [`plain`] writes it, is a last name somewhere, or ends like one.
#[must_use]
pub fn is_last_name(word: &str) -> bool {
    let is_listed = |word: &str| last_names().contains(word);
    let ends_so = word.len() >= 6 && LAST_NAME_ENDINGS.iter().any(|end| word.ends_with(end));
    is_listed(word) || ends_so || word.contains('-') && word.split('-').all(is_listed)
}

/// Whether a name is a common word too, so that alone it says nothing.
#[must_use]
pub fn is_ambiguous(word: &str) -> bool {
    is_common_word(word)
}

/// Whether a word is said before a name.
#[must_use]
pub fn is_honorific(word: &str) -> bool {
    is_honorific_word(&plain(word))
}

/// Whether a word belongs to the name of a street.
#[must_use]
pub fn is_of_street(word: &str) -> bool {
    let word = plain(word);
    let word = word.trim_end_matches([',', ';']);
    is_street_word(word.trim_end_matches('.'))
        || word.len() >= 6 && STREET_ENDINGS.iter().any(|end| word.ends_with(end))
}

/// Whether a text is a large city.
#[must_use]
pub fn is_city(text: &str) -> bool {
    static SET: OnceLock<HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| CITIES.split('|').map(str::trim).collect()).contains(plain(text.trim()).as_str())
}

/// Whether a text is a country.
#[must_use]
pub fn is_country(text: &str) -> bool {
    countries().contains(&plain(text.trim()))
}

/// Whether a text ends as companies do.
#[must_use]
pub fn is_company(text: &str) -> bool {
    let plain = plain(text.trim());
    let mut words = plain.rsplit([' ', ',']).filter(|word| !word.is_empty());
    words.next().is_some_and(is_company_ending) && words.next().is_some()
}

/// Whether a text ends as jobs do.
#[must_use]
pub fn is_job(text: &str) -> bool {
    let plain = plain(text.trim());
    plain.split(|c: char| !c.is_alphabetic()).rfind(|word| !word.is_empty()).is_some_and(is_job_ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_with_accents() {
        assert_eq!(plain("Łukasz ÉMILE"), "lukasz emile");
        assert!(
            is_first_name("lukasz")
                && is_first_name("jean-pierre")
                && is_last_name("novakova")
                && is_last_name("smith")
        );
        assert!(is_city("São Paulo") && is_city("New York") && !is_city("Widget") && is_country("Norway"));
        assert!(
            is_of_street("Straße") && is_of_street("Hauptstraße") && is_of_street("Ave.") && !is_of_street("Widget")
        );
        assert!(is_company("Acme Widgets, Inc.") && !is_company("Inc") && !is_company("Blue shirt"));
        assert!(is_job("Surveillance officer") && !is_job("Blue shirt"));
        assert!(is_honorific("Mrs.") && is_ambiguous("may"));
    }
}
