//! Fills any message by the rule of `tests/golden/make_cdr_golden.py`, and notes the names of its fields.

use msgs::Message;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

/// A message with its values by the rule, and the names of its top-level fields.
pub(crate) fn filled<M: Message>() -> (M, &'static [&'static str]) {
    let mut filler = Filler::default();
    let message =
        M::deserialize(&mut filler).expect("the filler has a value for every kind of field");
    (message, filler.top_level.unwrap_or_default())
}

#[derive(Default)]
struct Filler {
    counter: i64,
    top_level: Option<&'static [&'static str]>,
    /// Messages without fields have one byte, which is zero.
    placeholder: bool,
}

impl Filler {
    fn unsigned(&mut self) -> i64 {
        if self.placeholder {
            return 0;
        }
        self.counter += 1;
        self.counter
    }

    fn sign(&self) -> i64 {
        if self.counter % 2 == 1 { -1 } else { 1 }
    }

    fn signed(&mut self) -> i64 {
        self.unsigned() * self.sign()
    }

    fn float(&mut self) -> f64 {
        (self.unsigned() as f64 + 0.5) * self.sign() as f64
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $source:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            let value = self.$source();
            visitor.$visit(value as $type)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Filler {
    type Error = de::value::Error;

    numbers! {
        deserialize_u8 visit_u8 unsigned u8;
        deserialize_u16 visit_u16 unsigned u16;
        deserialize_u32 visit_u32 unsigned u32;
        deserialize_u64 visit_u64 unsigned u64;
        deserialize_i8 visit_i8 signed i8;
        deserialize_i16 visit_i16 signed i16;
        deserialize_i32 visit_i32 signed i32;
        deserialize_i64 visit_i64 signed i64;
        deserialize_f32 visit_f32 float f32;
        deserialize_f64 visit_f64 float f64;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let odd = self.unsigned() % 2 == 1;
        visitor.visit_bool(odd)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let text = format!("s{}", self.unsigned());
        visitor.visit_string(text)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let bytes = vec![self.unsigned() as u8, self.unsigned() as u8];
        visitor.visit_byte_buf(bytes)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(Items {
            filler: self,
            left: 2,
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(Items {
            filler: self,
            left: len,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.top_level.get_or_insert(fields);
        self.placeholder = name == "Placeholder";
        visitor.visit_seq(Items {
            filler: self,
            left: fields.len(),
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("no ROS message has a field of this kind"))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str bytes option unit unit_struct newtype_struct tuple_struct map enum identifier ignored_any
    }
}

struct Items<'a> {
    filler: &'a mut Filler,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = de::value::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.filler).map(Some)
    }
}
