//! Parameters of a node as other processes see and ask for them.

messages! { "rcl_interfaces";
    /// Smallest, largest and steps of a number.
    #[derive(Copy, Default)]
    pub struct FloatingPointRange {
        /// Smallest value.
        pub from_value: f64,
        /// Largest value.
        pub to_value: f64,
        /// Allowed distance from the smallest is a multiple of this; 0: any.
        pub step: f64,
    }

    /// Smallest, largest and steps of a whole number.
    #[derive(Copy, Default, Eq)]
    pub struct IntegerRange {
        /// Smallest value.
        pub from_value: i64,
        /// Largest value.
        pub to_value: i64,
        /// Allowed distance from the smallest is a multiple of this; 0: any.
        pub step: u64,
    }

    /// Which parameters there are.
    #[derive(Default, Eq)]
    pub struct ListParametersResult {
        /// Their full names.
        pub names: Vec<String>,
        /// What stands before the last dot of them.
        pub prefixes: Vec<String>,
    }

    /// A parameter's value; the field that `type` names counts.
    #[derive(Default)]
    pub struct ParameterValue {
        /// One of the constants of [`ParameterType`].
        pub r#type: u8,
        /// A truth value.
        pub bool_value: bool,
        /// A whole number.
        pub integer_value: i64,
        /// A number.
        pub double_value: f64,
        /// A text.
        pub string_value: String,
        /// Bytes.
        #[serde(with = "serde_bytes")]
        pub byte_array_value: Vec<u8>,
        /// Truth values.
        pub bool_array_value: Vec<bool>,
        /// Whole numbers.
        pub integer_array_value: Vec<i64>,
        /// Numbers.
        pub double_array_value: Vec<f64>,
        /// Texts.
        pub string_array_value: Vec<String>,
    }

    /// A parameter with its value.
    #[derive(Default)]
    pub struct Parameter {
        /// Its full name.
        pub name: String,
        /// Its value.
        pub value: ParameterValue,
    }

    /// What a parameter may be.
    #[derive(Default)]
    pub struct ParameterDescriptor {
        /// Its full name.
        pub name: String,
        /// One of the constants of [`ParameterType`].
        pub r#type: u8,
        /// What it does.
        pub description: String,
        /// What the ranges cannot say, in words.
        pub additional_constraints: String,
        /// Whether it keeps the value that it has at start.
        pub read_only: bool,
        /// Whether it may change its type.
        pub dynamic_typing: bool,
        /// At most one range.
        pub floating_point_range: Vec<FloatingPointRange>,
        /// At most one range.
        pub integer_range: Vec<IntegerRange>,
    }

    /// Whether a parameter was set.
    #[derive(Default, Eq)]
    pub struct SetParametersResult {
        /// Whether it was.
        pub successful: bool,
        /// Why not.
        pub reason: String,
    }
}

/// Constants for the types of parameters.
#[derive(Clone, Copy, Debug)]
pub struct ParameterType;

impl ParameterType {
    /// No parameter, or one without a value.
    pub const NOT_SET: u8 = 0;
    /// A truth value.
    pub const BOOL: u8 = 1;
    /// A whole number.
    pub const INTEGER: u8 = 2;
    /// A number.
    pub const DOUBLE: u8 = 3;
    /// A text.
    pub const STRING: u8 = 4;
    /// Bytes.
    pub const BYTE_ARRAY: u8 = 5;
    /// Truth values.
    pub const BOOL_ARRAY: u8 = 6;
    /// Whole numbers.
    pub const INTEGER_ARRAY: u8 = 7;
    /// Numbers.
    pub const DOUBLE_ARRAY: u8 = 8;
    /// Texts.
    pub const STRING_ARRAY: u8 = 9;
}

services! { "rcl_interfaces";
    /// Which parameters a node has.
    service ListParameters {
        ListParametersRequest {
            /// Only those that begin so; empty: all.
            prefixes: Vec<String>,
            /// How many parts of a name count; 0: any.
            depth: u64,
        }
        ListParametersResponse {
            /// The parameters.
            result: ListParametersResult,
        }
    }

    /// Values of parameters.
    service GetParameters {
        GetParametersRequest {
            /// Of these.
            names: Vec<String>,
        }
        GetParametersResponse {
            /// Values in the same order.
            values: Vec<ParameterValue>,
        }
    }

    /// Types of parameters.
    service GetParameterTypes {
        GetParameterTypesRequest {
            /// Of these.
            names: Vec<String>,
        }
        GetParameterTypesResponse {
            /// Constants of [`ParameterType`] in the same order.
            #[serde(with = "serde_bytes")]
            types: Vec<u8>,
        }
    }

    /// What parameters may be.
    service DescribeParameters {
        DescribeParametersRequest {
            /// These.
            names: Vec<String>,
        }
        DescribeParametersResponse {
            /// Descriptions in the same order.
            descriptors: Vec<ParameterDescriptor>,
        }
    }

    /// Sets parameters, each by itself.
    service SetParameters {
        SetParametersRequest {
            /// Names and new values.
            parameters: Vec<Parameter>,
        }
        SetParametersResponse {
            /// What became of each.
            results: Vec<SetParametersResult>,
        }
    }

    /// Sets parameters, all or none.
    service SetParametersAtomically {
        SetParametersAtomicallyRequest {
            /// Names and new values.
            parameters: Vec<Parameter>,
        }
        SetParametersAtomicallyResponse {
            /// What became of them.
            result: SetParametersResult,
        }
    }
}
