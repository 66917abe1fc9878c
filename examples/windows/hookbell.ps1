# Rings from PowerShell 5.1 (Windows 8.1, Server 2012 R2 and newer) and 7: hookbell.ps1 "text" [-Priority high]
# With -Run it runs a command line, and rings only if that fails: hookbell.ps1 backup -Run 'C:\Scripts\backup.cmd'
param(
    [Parameter(Mandatory = $true, Position = 0)] [string] $Text,
    [string] $Run,
    [ValidateSet('high', 'normal', 'low')] [string] $Priority = 'normal',
    [string] $Url = $(if ($env:HOOKBELL_URL) { $env:HOOKBELL_URL } else { 'http://HOOKBELL:9000/hooks/windows' }),
    # The token alone, in one line.
    [string] $TokenFile = (Join-Path $env:ProgramData 'hookbell\token')
)
$ErrorActionPreference = 'Stop'
$code = 0
if ($Run) {
    # cmd joins both outputs: in PowerShell 5.1 each line of errors would be an exception.
    $said = @(& $env:ComSpec /d /c "$Run 2>&1")
    $code = $LASTEXITCODE
    $said
    if ($code -eq 0) { exit 0 }
    $Text = "$Text" + ": exit code $code`n" + (($said | Select-Object -Last 5) -join "`n")
    $Priority = 'high'
}
# Before .NET 4.7 it does not know TLS 1.2 by itself.
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
$token = (Get-Content -LiteralPath $TokenFile -TotalCount 1).Trim()
$json = @{ msg = "$env:COMPUTERNAME" + ": $Text"; priority = $Priority } | ConvertTo-Json -Compress
$call = @{
    Method      = 'Post'
    Uri         = $Url
    Headers     = @{ Authorization = "Bearer $token" }
    ContentType = 'application/json; charset=utf-8'
    # As bytes: PowerShell 5.1 would make question marks of a string's Cyrillic.
    Body        = [Text.Encoding]::UTF8.GetBytes($json)
    TimeoutSec  = 20
    UseBasicParsing = $true
}
for ($try = 0; ; $try++) {
    try {
        (Invoke-WebRequest @call).Content
        exit $code
    } catch {
        $answer = $_.Exception.Response
        # What is refused stays refused.
        $refused = $answer -and [int] $answer.StatusCode -lt 500
        if ($refused -or $try -ge 5) {
            [Console]::Error.WriteLine("hookbell: $($_.Exception.Message)")
            exit $(if ($code) { $code } else { 1 })
        }
        Start-Sleep -Seconds ([Math]::Pow(2, $try))
    }
}
