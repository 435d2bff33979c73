package personal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// keySize is that of AES-256.
const keySize = 32

// scheme begins every sealed text, so that another scheme can follow one day.
const scheme = "p1:"

// seal encrypts plain under key, bound to person. An empty key is an erased
// person's: nothing is kept.
func seal(key []byte, person, plain string) (string, error) {
	if len(key) == 0 {
		return "", nil
	}
	aead, err := newAEAD(key, person)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("mallbots personal nonce\x00"))
	mac.Write([]byte(plain))
	nonce := mac.Sum(nil)[:aead.NonceSize()]
	return scheme + base64.RawStdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(plain), []byte(person))), nil
}

// Unseal decrypts a sealed text of person with a key that was read together
// with it, as a list does that joins personal_keys. An empty or missing key is
// an erased person's: the text reads as empty.
func Unseal(key []byte, person, sealed string) (string, error) {
	if len(key) == 0 || sealed == "" {
		return "", nil
	}
	aead, err := newAEAD(key, person)
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(sealed, scheme)
	if !ok {
		return "", fmt.Errorf("open a field of person %s: it is not sealed", person)
	}
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("open a field of person %s: %w", person, err)
	}
	if len(data) < aead.NonceSize() {
		return "", fmt.Errorf("open a field of person %s: it is cut short", person)
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], []byte(person))
	if err != nil {
		return "", fmt.Errorf("open a field of person %s: it was sealed for somebody else, or changed: %w", person, err)
	}
	return string(plain), nil
}

func newAEAD(key []byte, person string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of person %s is damaged: %w", person, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("the key of person %s is damaged: %w", person, err)
	}
	return aead, nil
}
