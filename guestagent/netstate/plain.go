package netstate

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// plain makes data for JSON of a library's struct: its fields by name, without those
// that say nothing; bytes as hexadecimal digits, and addresses as people write them, so
// that whoever takes addresses out of a text finds them.
func plain(v any) any { return describer{}.value(reflect.ValueOf(v)) }

// describer makes plain data.
type describer struct{ zeros bool } // A zero says something too: a verdict of 0 drops.

func (d describer) value(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	if text, is := v.Interface().(fmt.Stringer); is && spelt(v) {
		return text.String()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return d.value(v.Elem())
	case reflect.Struct:
		return d.fields(v)
	case reflect.Slice, reflect.Array:
		return d.elements(v)
	case reflect.Map:
		return fmt.Sprint(v.Interface())
	}
	return v.Interface()
}

// spelt says that a type's text is better than its fields: that of a number or of bytes,
// and of an address with its prefix.
func spelt(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct, reflect.Interface:
		return false
	case reflect.Pointer:
		return !v.IsNil() && v.Type().String() == "*net.IPNet"
	}
	return true
}

func (d describer) elements(v reflect.Value) any {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		digits := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(digits), v)
		return hex.EncodeToString(digits)
	}
	all := []any{}
	for i := range v.Len() {
		all = append(all, d.value(v.Index(i)))
	}
	return all
}

func (d describer) fields(v reflect.Value) map[string]any {
	found := map[string]any{}
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		// Statistics are counted over a block, elsewhere.
		if !field.IsExported() || field.Name == "Statistics" || value.IsZero() && !d.zeros {
			continue
		}
		described := d.value(value)
		if inner, is := described.(map[string]any); is && field.Anonymous {
			for name, one := range inner {
				found[name] = one
			}
			continue
		}
		found[snake(field.Name)] = described
	}
	return found
}

// named are values with the names of their types, as a rule's expressions need.
func named[T any](all []T) []any {
	found := []any{}
	for _, one := range all {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", one), "*")
		found = append(found, map[string]any{kind[strings.LastIndex(kind, ".")+1:]: describer{zeros: true}.value(reflect.ValueOf(one))})
	}
	return found
}

// snake spells a field's name as those of results are: HardwareAddr is hardware_addr.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		upper := unicode.IsUpper(r)
		if upper && i > 0 && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
