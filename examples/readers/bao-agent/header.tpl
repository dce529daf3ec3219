{{ with secret "secret/data/tokens/notes" -}}
{{ .Data.data.header_name }}: {{ .Data.data.header_value }}
{{ end -}}
