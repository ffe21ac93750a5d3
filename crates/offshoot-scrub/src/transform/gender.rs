//! First names by gender, in the languages of the word lists, and what columns say of gender.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::value::Value;

/// What a first name is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gender {
    Female,
    Male,
}

impl Gender {
    /// What the value of a column says: a word of some languages by its first letter, or a number of ISO/IEC 5218.
    pub(super) fn of_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(1) => Some(Self::Male),
            Value::Integer(2) => Some(Self::Female),
            Value::Text(text) | Value::Opaque(text) => match text.trim_ascii().first()?.to_ascii_lowercase() {
                b'm' | b'h' | b'1' => Some(Self::Male),
                b'f' | b'w' | b'2' => Some(Self::Female),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a first name says, if it is one of the lists.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        static GENDERS: LazyLock<HashMap<String, Option<Gender>>> = LazyLock::new(|| {
            let mut genders = HashMap::new();
            let lists = NAMES.iter().flat_map(|names| [(names.female, Gender::Female), (names.male, Gender::Male)]);
            for (name, gender) in lists.flat_map(|(names, gender)| names.iter().map(move |name| (name, gender))) {
                let known = genders.entry(name.to_lowercase()).or_insert(Some(gender));
                // Some names are both.
                if *known != Some(gender) {
                    *known = None;
                }
            }
            genders
        });
        GENDERS.get(&name.to_lowercase()).copied().flatten()
    }

    /// The names of a gender in a language.
    pub(super) fn names(self, language: &str) -> Option<&'static [&'static str]> {
        let names = NAMES.iter().find(|names| names.language == language)?;
        Some(match self {
            Self::Female => names.female,
            Self::Male => names.male,
        })
    }
}

struct Names {
    language: &'static str,
    female: &'static [&'static str],
    male: &'static [&'static str],
}

#[rustfmt::skip]
const NAMES: [Names; 10] = [
    Names {
        language: "en",
        female: &["Alice", "Amelia", "Amy", "Anna", "Barbara", "Carol", "Catherine", "Charlotte", "Clara", "Deborah", "Diana",
            "Eleanor", "Elizabeth", "Emily", "Emma", "Evelyn", "Fiona", "Florence", "Frances", "Grace", "Hannah", "Harriet",
            "Helen", "Isabel", "Jane", "Jennifer", "Jessica", "Joan", "Julia", "Karen", "Laura", "Linda", "Lisa", "Lucy",
            "Margaret", "Martha", "Mary", "Megan", "Nancy", "Olivia", "Patricia", "Rachel", "Rebecca", "Rose", "Ruth", "Sarah",
            "Sophie", "Susan", "Victoria", "Zoe"],
        male: &["Adam", "Albert", "Andrew", "Arthur", "Benjamin", "Brian", "Charles", "Christopher", "Colin", "Daniel", "David",
            "Edward", "Eric", "Frank", "Frederick", "Gareth", "George", "Graham", "Harold", "Harry", "Henry", "Hugh", "Ian",
            "Jack", "Jacob", "James", "John", "Joseph", "Kenneth", "Kevin", "Lewis", "Liam", "Mark", "Martin", "Matthew",
            "Michael", "Nathan", "Neil", "Nicholas", "Oliver", "Patrick", "Paul", "Peter", "Philip", "Richard", "Robert",
            "Simon", "Stephen", "Thomas", "William"],
    },
    Names {
        language: "de",
        female: &["Andrea", "Angelika", "Anja", "Anke", "Antje", "Birgit", "Brigitte", "Christa", "Claudia", "Elke", "Erika",
            "Eva", "Franziska", "Gabriele", "Gisela", "Hannelore", "Heike", "Ilse", "Ingrid", "Jana", "Johanna", "Jutta",
            "Karin", "Katja", "Kerstin", "Lena", "Monika", "Petra", "Renate", "Sabine", "Silke", "Stefanie", "Susanne",
            "Ulrike", "Ursula", "Ute"],
        male: &["Andreas", "Bernd", "Christian", "Dieter", "Dirk", "Dominik", "Ernst", "Felix", "Florian", "Frank", "Fritz",
            "Gerhard", "Günter", "Hans", "Heinz", "Helmut", "Holger", "Horst", "Jan", "Jens", "Jörg", "Jürgen", "Karl",
            "Klaus", "Lars", "Lukas", "Manfred", "Matthias", "Norbert", "Rainer", "Ralf", "Rolf", "Stefan", "Sven", "Thomas",
            "Uwe", "Werner", "Wolfgang"],
    },
    Names {
        language: "fr",
        female: &["Amélie", "Anne", "Aurélie", "Brigitte", "Camille", "Catherine", "Cécile", "Chloé", "Christine", "Élodie",
            "Émilie", "Françoise", "Hélène", "Isabelle", "Jeanne", "Julie", "Léa", "Louise", "Manon", "Marie", "Martine",
            "Mathilde", "Monique", "Nathalie", "Nicole", "Sandrine", "Sophie", "Sylvie", "Valérie", "Véronique"],
        male: &["Alain", "André", "Antoine", "Bernard", "Bruno", "Christophe", "Clément", "Didier", "Étienne", "François",
            "Frédéric", "Gérard", "Guillaume", "Hugo", "Jacques", "Jean", "Jérôme", "Julien", "Laurent", "Louis", "Luc",
            "Marcel", "Mathieu", "Michel", "Nicolas", "Olivier", "Pascal", "Philippe", "Pierre", "Thierry", "Vincent", "Yves"],
    },
    Names {
        language: "it",
        female: &["Alessandra", "Angela", "Antonella", "Beatrice", "Carla", "Chiara", "Cristina", "Elena", "Elisa", "Federica",
            "Francesca", "Giorgia", "Giovanna", "Giulia", "Ilaria", "Laura", "Lucia", "Martina", "Paola", "Rosa", "Sara",
            "Silvia", "Simona", "Valentina"],
        male: &["Alessandro", "Andrea", "Antonio", "Davide", "Enrico", "Fabio", "Federico", "Filippo", "Francesco", "Giacomo",
            "Giorgio", "Giovanni", "Giuseppe", "Lorenzo", "Luca", "Marco", "Mario", "Matteo", "Paolo", "Pietro", "Riccardo",
            "Roberto", "Salvatore", "Stefano", "Vincenzo"],
    },
    Names {
        language: "nl",
        female: &["Anneke", "Anouk", "Bianca", "Daphne", "Els", "Femke", "Fleur", "Hanneke", "Ingrid", "Joke", "Lieke", "Linda",
            "Lotte", "Maaike", "Marieke", "Marijke", "Marloes", "Mieke", "Monique", "Roos", "Sanne", "Saskia", "Wilma", "Yvonne"],
        male: &["Arjan", "Bas", "Bram", "Cees", "Daan", "Dirk", "Erik", "Gerrit", "Hendrik", "Jaap", "Jan", "Jeroen", "Joost",
            "Kees", "Koen", "Luuk", "Maarten", "Martijn", "Niels", "Pieter", "Ruben", "Sander", "Sjoerd", "Thijs", "Wim"],
    },
    Names {
        language: "pt",
        female: &["Adriana", "Aline", "Amanda", "Ana", "Beatriz", "Bruna", "Camila", "Carolina", "Cláudia", "Débora", "Fernanda",
            "Gabriela", "Helena", "Isabela", "Juliana", "Larissa", "Letícia", "Luciana", "Mariana", "Natália", "Patrícia",
            "Renata", "Tatiana", "Vanessa"],
        male: &["Alexandre", "André", "Bruno", "Caio", "Carlos", "Diego", "Eduardo", "Fábio", "Felipe", "Fernando", "Gabriel",
            "Guilherme", "Gustavo", "Henrique", "João", "José", "Leonardo", "Luís", "Marcelo", "Paulo", "Pedro", "Rafael",
            "Rodrigo", "Thiago", "Vítor"],
    },
    Names {
        language: "tr",
        female: &["Aslı", "Ayşe", "Aylin", "Burcu", "Ceren", "Deniz", "Ebru", "Elif", "Emine", "Esra", "Fatma", "Gizem", "Hatice",
            "Leyla", "Melike", "Meryem", "Nur", "Özlem", "Pınar", "Selin", "Sevgi", "Sibel", "Tuğba", "Zeynep"],
        male: &["Ahmet", "Ali", "Barış", "Burak", "Can", "Cem", "Emre", "Fatih", "Hakan", "Hasan", "Hüseyin", "İbrahim", "Kemal",
            "Levent", "Mehmet", "Murat", "Mustafa", "Okan", "Onur", "Osman", "Serkan", "Tolga", "Yusuf"],
    },
    Names {
        language: "ar",
        female: &["أمل", "أمينة", "إيمان", "بثينة", "تغريد", "جميلة", "حنان", "خديجة", "دلال", "رانيا", "رقية", "ريم", "زينب", "سارة",
            "سعاد", "سلمى", "عائشة", "فاطمة", "ليلى", "مريم", "منى", "نادية", "نور", "هند", "ياسمين"],
        male: &["أحمد", "إبراهيم", "أسامة", "إسماعيل", "بلال", "جمال", "حسن", "حسين", "خالد", "سعيد", "سليمان", "طارق", "عادل", "عمر",
            "علي", "فيصل", "كريم", "ماجد", "محمد", "محمود", "مصطفى", "ناصر", "وليد", "يوسف"],
    },
    Names {
        language: "zh",
        female: &["芳", "娜", "敏", "静", "丽", "艳", "娟", "霞", "秀英", "桂英", "玉兰", "婷", "雪", "慧", "莹", "倩", "欣怡", "诗涵", "梦瑶", "雅琪"],
        male: &["伟", "强", "磊", "军", "勇", "杰", "涛", "超", "刚", "鹏", "建国", "志强", "建华", "浩然", "子轩", "宇航", "俊杰", "博文", "国强", "海波"],
    },
    Names {
        language: "ja",
        female: &["愛", "明美", "綾", "恵美", "花子", "久美子", "佳奈", "京子", "幸子", "桜", "美咲", "恵子", "直美", "真由美", "陽子", "由美子", "優奈", "結衣", "莉子", "裕子"],
        male: &["明", "健", "浩", "浩二", "和也", "一郎", "勝", "賢治", "剛", "茂", "翔太", "大輔", "拓也", "達也", "武", "直樹", "誠", "雄太", "隆", "蓮"],
    },
];
